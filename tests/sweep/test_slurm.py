"""The SLURM executor against a queue that the test holds in its hand: scripts, shapes, and nothing submitted twice."""

import csv
import fcntl
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from experiment import ROOT, wait_for
from sweep import launch_script, site

SITE = """executor = "slurm"
launcher = "env RANKS={ranks}"
cores_per_node = 4
partition = "short"
max_array_size = 3
at_once = 2
notice_seconds = 60
sbatch = ["--exclusive"]
"""
FIVE = '[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2, 3, 4, 5]\n'


@pytest.fixture
def queue(tmp_path, monkeypatch):
    folder = tmp_path / "queue"
    folder.mkdir()
    monkeypatch.setenv("FAKE_SLURM", str(folder))
    monkeypatch.setenv("PATH", f"{Path(__file__).parent / 'fake_slurm'}:{os.environ['PATH']}")
    return folder


def tasks(queue):
    return sorted(queue.glob("job_*/[0-9]*"))


def environment(task):
    return os.environ | {"SLURM_ARRAY_JOB_ID": task.parent.name[4:], "SLURM_ARRAY_TASK_ID": task.name}


def run(task):
    """As slurmd would: the script with the task's number; afterwards the task leaves the queue."""
    task.write_text("RUNNING")
    done = subprocess.run(["bash", task.parent / "script"], env=environment(task), timeout=60, capture_output=True, text=True)
    (task.parent / f"log_{task.name}").write_text(done.stdout + done.stderr)
    task.unlink()
    return done.returncode


def options(script):
    return dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", script.read_text(), re.MULTILINE))


def manifest_cells(one):
    return json.loads((one.results / "manifest.json").read_text())["cells"]


def test_a_dry_run_writes_every_script_and_asks_no_scheduler(sweep, queue):
    (queue / "down").touch()
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\nlayout.ranks = [2, 4, 16]\ntrain.seed = [1, 2]', site=SITE)
    outcome = one.call("submit", "--dry-run")
    scripts = sorted(one.results.glob("jobs/array_*.sh"))
    assert outcome.code == 0 and outcome.out.count("sbatch ") == len(scripts) == 3, outcome
    shapes = {(o["nodes"], o["ntasks"], o["cpus-per-task"]) for o in map(options, scripts)}
    assert shapes == {("1", "2", "1"), ("1", "4", "1"), ("4", "16", "1")}
    found = options(scripts[0])
    assert found["array"] == "0-1%2" and found["partition"] == "short" and found["signal"] == "B:USR1@60" and "exclusive" in found
    assert all(
        subprocess.run(["bash", "-n", path]).returncode == 0 for path in [*scripts, *one.results.glob("cells/*/launch.sh")]
    )
    assert not tasks(queue) and not one.attempts()


def test_every_cell_is_in_one_task_and_arrays_are_split_at_their_largest_size(sweep, queue):
    one = sweep(FIVE, site=SITE)
    assert one.call("submit").out.count("\njob ") == 2
    assert [options(script)["array"] for script in sorted(one.results.glob("jobs/*.sh"))] == ["0-2%2", "0-1%2"]
    listed = [name for path in one.results.glob("jobs/array_*.txt") for name in path.read_text().split()]
    assert sorted(listed) == sorted(cell["name"] for cell in manifest_cells(one))


def test_small_cells_share_a_job(sweep, queue):
    one = sweep("[launch]\ncells_per_job = 2\nminutes = 7\n" + FIVE, site=SITE)
    one.call("submit")
    lines = (one.results / "jobs/array_001.txt").read_text().splitlines()
    assert [len(line.split()) for line in lines] == [2, 2, 1]
    assert options(one.results / "jobs/array_001.sh")["time"] == "14"
    assert [run(task) for task in tasks(queue)] == [0, 0, 0]
    assert "5 cells: 5 complete" in one.call("status").out


def test_submit_run_resume_and_collect_with_a_failing_cell(sweep, queue):
    one = sweep('[sweep.matrix]\ndata.path = ["ok", "fail_once"]\n', site=SITE)
    one.call("submit")
    assert "2 cells: 2 queued" in one.call("status").out
    assert sorted(run(task) for task in tasks(queue)) == [0, 1]
    assert "1 complete, 1 failed" in one.call("status").out
    assert "1 to be run now" in one.call("resume").out
    assert "1 complete, 1 queued" in one.call("status").out
    assert [run(task) for task in tasks(queue)] == [0]
    assert "20 rows of 2 cells" in one.call("collect").out
    assert sorted(str(path)[-9:] for path in one.attempts()) == ["attempt_1", "attempt_1", "attempt_2"]


def test_the_log_of_a_job_says_how_far_each_cell_is(sweep, queue):
    one = sweep('[launch]\ncells_per_job = 2\n[sweep.matrix]\ndata.path = ["ok", "fail"]\n', site=SITE)
    one.call("submit")
    (task,) = tasks(queue)
    assert run(task) == 1
    log = (task.parent / f"log_{task.name}").read_text()
    assert log.count(", attempt 1, step by step:\nstep 2/4  loss 4.0000\n") == 2 and "told to fail" in log, log
    assert "this launch was told to fail" in one.call("status").out


def test_what_is_queued_or_running_is_not_submitted_again(sweep, queue):
    one = sweep(FIVE, site=SITE)
    one.call("submit")
    for command in ("submit", "resume"):
        outcome = one.call(command)
        assert "5 queued; 0 to be run now" in outcome.out, outcome
    assert len(tasks(queue)) == 5


def test_a_driver_killed_after_sbatch_finds_its_job_again(sweep, queue):
    one = sweep(FIVE, site=SITE)
    (queue / "dies").touch()
    driver = one.start("submit")
    driver.communicate(timeout=60)
    assert driver.returncode == -signal.SIGKILL and len(tasks(queue)) == 3
    (queue / "dies").unlink()
    assert "3 queued, 2 waiting; 2 to be run now" in one.call("submit").out
    assert len(tasks(queue)) == 5


def test_without_the_scheduler_status_speaks_from_files_and_nothing_is_submitted(sweep, queue):
    one = sweep(FIVE, site=SITE)
    one.call("submit")
    run(tasks(queue)[0])
    (queue / "down").touch()
    told = one.call("status").out
    assert "1 complete, 4 waiting" in told and "the scheduler does not answer" in told, told
    for command in ("submit", "resume", "cancel"):
        outcome = one.call(command)
        assert outcome.code == 1 and "squeue does not answer" in outcome.err, outcome
    assert len(tasks(queue)) == 4


def test_the_users_own_options_and_names_for_slurm_hide_nothing(sweep, queue, monkeypatch):
    one = sweep(FIVE, site=SITE)
    for name, value in {
        "SQUEUE_STATES": "RUNNING",
        "SBATCH_PARTITION": "x",
        "SCANCEL_STATE": "RUNNING",
        "LOGNAME": "nobody",
    }.items():
        monkeypatch.setenv(name, value)
    one.call("submit")
    (queue / "strange").touch()  # somebody's job has a | in its name
    outcome = one.call("submit")
    assert "5 queued; 0 to be run now" in outcome.out and len(tasks(queue)) == 5, outcome
    assert one.call("cancel").code == 0 and not (queue / "from_environment").exists()


def test_a_cell_that_another_process_is_at_work_on_is_not_done(sweep, queue, monkeypatch):
    monkeypatch.setattr(launch_script, "LOCK_SECONDS", 0)
    one = sweep("[launch]\ncells_per_job = 2\n" + '[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2]', site=SITE)
    one.call("submit")
    with open(one.results / "cells" / manifest_cells(one)[0]["name"] / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [run(task) for task in tasks(queue)] == [1]
        assert "1 complete, 1 " in one.call("status").out
    (ended,) = one.results.glob("jobs/*.ended.0")
    assert ended.read_text().split() == [manifest_cells(one)[1]["name"]]
    assert "1 to be run now" in one.call("resume").out
    assert [run(task) for task in tasks(queue)] == [0] and "2 complete" in one.call("status").out


def test_a_refused_submission_is_told_and_submitting_again_takes_the_rest(sweep, queue):
    one = sweep(FIVE, site=SITE)
    (queue / "full").touch()
    assert "QOSMaxSubmitJobPerUserLimit" in one.call("submit").err
    (queue / "full").unlink()
    assert one.call("submit").code == 0 and len(tasks(queue)) == 5


def test_cancel_takes_jobs_out_of_the_queue(sweep, queue):
    one = sweep(FIVE, site=SITE)
    one.call("submit")
    assert "cancelled 2 jobs: 100 101" in one.call("cancel").out
    assert not tasks(queue) and "5 waiting" in one.call("status").out
    assert "nothing is queued" in one.call("cancel").out


# Run in this order: fail_once, slow_once, ok.
SHARED = 'order_seed = 5\n[launch]\ncells_per_job = 3\n[sweep.matrix]\ndata.path = ["fail_once", "slow_once", "ok"]\n'


def signalled(one, task, number):
    """The task whose cell hangs gets a signal, as its batch script does before the time limit."""
    task.write_text("RUNNING")
    batch = subprocess.Popen(["bash", task.parent / "script"], env=environment(task))
    (name,) = [cell["name"] for cell in manifest_cells(one) if cell["settings"]["data.path"] == "slow_once"]
    wait_for((one.results / "cells" / name / "attempt_1/run.h5.partial").exists)
    assert "1 running" in one.call("status").out
    batch.send_signal(number)
    return batch.wait(40)


def test_a_task_near_its_time_limit_stops_with_a_checkpoint_and_is_queued_again(sweep, queue):
    one = sweep(SHARED, site=SITE)
    one.call("submit")
    (task,) = tasks(queue)
    assert signalled(one, task, signal.SIGUSR1) == 0 and task.read_text() == "PENDING\n"
    told = one.call("status").out
    assert "stopped at step 2 of 4; resumes by itself" in told and "stopped: " not in told, told
    assert "0 to be run now" in one.call("submit").out
    assert run(task) == 0
    assert "2 complete, 1 failed" in one.call("status").out
    assert [str(path).split("-")[0] for path in one.attempts()] == ["pathfail_once", "pathok", "pathslow_once", "pathslow_once"]


def test_where_nothing_can_be_queued_again_resume_goes_on(sweep, queue):
    one = sweep(SHARED, site=SITE)
    (queue / "no_requeue").touch()
    one.call("submit")
    (task,) = tasks(queue)
    assert signalled(one, task, signal.SIGUSR1) == 1
    task.unlink()
    told = one.call("status").out
    assert "1 stopped" in told and "step 2 of 4: the time limit was near; goes on at step 2" in told, told
    one.call("resume")
    assert [run(task) for task in tasks(queue)] == [0] and "3 complete" in one.call("status").out


def test_cancel_stops_what_runs_with_a_checkpoint_and_it_is_not_queued_again(sweep, queue):
    one = sweep(SHARED, site=SITE)
    one.call("submit")
    (task,) = tasks(queue)
    assert signalled(one, task, signal.SIGTERM) == 1 and task.read_text() == "RUNNING"
    assert "1 running tasks stop with a checkpoint (at once: scancel 100)" in one.call("cancel").out
    assert (task.parent / "signals").read_text() == "TERM\n" and task.exists()
    task.unlink()
    assert "stopped from outside; goes on at step 2" in one.call("status").out


def test_the_example_sites_can_be_read():
    assert site.load("local").executor == "local" and site.load("slurm").executor == "slurm"
    words = site.load("slurm").launch_words(8, 2, 4)
    assert words == "srun --mpi=pmix --nodes=4 --ntasks=8 --cpus-per-task=2 --cpu-bind=cores"
    assert len(list((ROOT / "cluster/sites").glob("*.toml"))) == 2


def test_options_belong_to_their_launcher(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text((ROOT / "cluster/sites/slurm.toml").read_text().replace('launcher = "srun"', 'launcher = "mpirun"'))
    assert site.load(str(path)).launch_words(8, 2, 4) == "mpirun -n 8"
    path.write_text('launcher = "mpirun"\nbinding = {mpirun = "--map-by slot:PE={threads}"}\ncontainer = "in {ranks}"')
    assert site.load(str(path)).launch_words(8, 2, 4) == "mpirun -n 8 --map-by slot:PE=2 in {ranks}"


@pytest.mark.parametrize(
    "text, sentence",
    [
        ('executor = "pbs"', "must be local or slurm"),
        ('lancher = "x"', "unknown key lancher"),
        ('lancher = "x"', "did you mean launcher?"),
        ('binding = "--cpu-bind=cores"', "binding = '--cpu-bind=cores' must be of type table"),
        ('binding = {srum = "x"}', "unknown key binding.srum; there are mpirun, srun; did you mean binding.srun?"),
        ('launcher = "mpirun -n {ranks} {hosts}"', "launcher has {hosts}; in braces may stand ranks, threads, nodes"),
        ("at_once = 0", "at_once = 0 must be a whole number of at least 1"),
        ("flops_per_core = 0", "flops_per_core = 0 must be a finite number of at least 1"),
        ("cores_per_node = 'x'", "must be of type int"),
        ('launcher = "prun"', "a line with {ranks}"),
    ],
)
def test_a_mistake_in_a_site_file_is_told(text, sentence, experiment):
    outcome = experiment("repeats = 1", site=text).call("plan")
    assert outcome.code == 1 and sentence in outcome.err and len(outcome.err.splitlines()) == 1


def slurm_joules(one):
    assert one.call("collect").code == 0
    with open(one.results / "table.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "slurm_joules"]
    assert all(row["unit"] == "J" and row["decided_by"] == "machine" for row in rows)
    return {row["cell"]: float(row["value"]) for row in rows}


def test_what_slurm_counted_of_the_launches_of_a_cell_is_in_the_table(sweep, queue, monkeypatch):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2, 3]\n', site=SITE)
    one.call("submit")
    jobs = {task.name: f"{task.parent.name[4:]}_{task.name}" for task in tasks(queue)}
    for task in tasks(queue):
        assert run(task) == 0
    first, second, third = (cell["name"] for cell in manifest_cells(one))
    assert slurm_joules(one) == {}  # there are no accounts
    job = next(iter(jobs.values()))
    every = [
        (job, first, "400"),
        (job, first, "100"),
        (job, second, "0"),
        (job, third, ""),
        (job, "batch", "9"),
        ("7_0", first, "5"),
    ]
    (queue / "accounts.txt").write_text("".join(f"{'|'.join(line)}\n" for line in every))
    monkeypatch.setenv("SACCT_FORMAT", "jobid")
    assert slurm_joules(one) == {first: 500}
    assert not (queue / "from_environment").exists()


def test_a_job_step_of_srun_has_the_name_of_its_cell():
    there = site.load("slurm")
    assert "--job-name=a-cell" in there.launch_words(8, 2, 4, "a-cell")
    there.launcher = "mpirun"
    assert "job-name" not in there.launch_words(8, 2, 4, "a-cell")
