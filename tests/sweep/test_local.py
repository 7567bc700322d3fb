"""submit, resume, status and cancel on this machine: nothing lost, nothing run twice, whatever is killed."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import pytest

from experiment import FAKE, SITE, wait_for
from sweep.executors import local

KINDS = '[sweep.matrix]\ndata.path = ["ok", "fail_once", "fail", "wrong"]\n'


def cells(one):
    return {cell["settings"]["data.path"]: cell for cell in json.loads((one.results / "manifest.json").read_text())["cells"]}


def attempts_of(one, kind):
    return sorted(path.name for path in (one.results / "cells" / cells(one)[kind]["name"]).glob("attempt_*"))


def started(one, command, attempt=1):
    """A driver whose launch hangs."""
    process = one.start(command)
    wait_for(lambda: list(one.results.glob(f"cells/*/attempt_{attempt}/run.h5.partial")))
    return process


def processes_in(folder):
    """Processes of this test's launches that still live."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += [pid] if str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes() else []
        except OSError:
            continue
    return found


def test_each_launch_ends_in_a_state_with_its_reason_and_resume_runs_only_what_is_missing(sweep):
    one = sweep(KINDS)
    assert one.call("submit").code == 0
    told = one.call("status").out
    for part in ("4 cells: 1 complete, 2 failed, 1 wrong", "this launch was told to fail", "wrong: ", "a check failed"):
        assert part in told, told
    assert "2 to be run now" in one.call("resume").out
    told = one.call("status").out
    assert "2 complete, 1 failed, 1 wrong" in told and "attempt 2" in told, told
    assert [attempts_of(one, kind) for kind in ("ok", "wrong", "fail_once", "fail")] == [["attempt_1"]] * 2 + [
        ["attempt_1", "attempt_2"]
    ] * 2


def test_where_every_cell_failed_the_command_fails(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["fail", "fail_once"]')
    outcome = one.call("submit")
    assert outcome.code == 1 and "each of 2 cells failed" in outcome.err and len(outcome.err.splitlines()) == 1, outcome
    assert one.call("resume").code == 0 and "1 complete, 1 failed" in one.call("status").out


@pytest.mark.parametrize("began, ended", [("", ""), ("began=", "ended=1\ncode=75\n"), ("began=1\nfrom=x\n", "ended=\ncode=1")])
def test_notes_that_were_cut_off_stop_no_command(began, ended, sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["fail"]')
    one.call("submit")
    (attempt,) = one.results.glob("cells/*/attempt_1")
    (attempt / "began").write_text(began)
    (attempt / "ended").write_text(ended)
    assert "1 cells: 1 " in one.call("status").out and "1 to be run now" in one.call("resume").out


def test_a_checkpoint_by_another_name_is_not_taken(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["slow_once"]')
    os.kill((driver := started(one, "submit")).pid, signal.SIGTERM)
    driver.communicate(timeout=120)
    (checkpoint,) = one.results.glob("cells/*/checkpoints/*/step_*")
    shutil.copytree(checkpoint, checkpoint.with_name("step_old_copy"))
    assert one.call("resume").code == 0
    assert "from=00000002" in next(one.results.glob("cells/*/attempt_2/began")).read_text()


def test_paths_in_quotes_may_begin_at_home(sweep, monkeypatch):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    monkeypatch.setenv("HOME", str(one.folder))
    one.experiment, one.results, one.site, one.program = "~/study", "~/results", "~/here.toml", "~/program"
    (one.folder / "program").symlink_to(FAKE)
    assert one.call("submit").code == 0
    assert (one.folder / "results/manifest.json").is_file() and not (one.folder / "~").exists()


def test_submitting_again_runs_nothing_again(sweep):
    one = sweep("repeats = 2\n" + '[sweep.matrix]\ndata.path = ["ok"]')
    assert one.call("submit").code == 0
    before = {path: path.stat().st_mtime_ns for path in one.results.glob("cells/*/attempt_*/*")}
    outcome = one.call("submit")
    assert outcome.code == 0 and "2 complete; 0 to be run now" in outcome.out
    assert before == {path: path.stat().st_mtime_ns for path in one.results.glob("cells/*/attempt_*/*")}


def test_a_launch_script_alone_never_runs_a_finished_cell_again(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    one.call("submit")
    script = next(one.results.glob("cells/*/launch.sh"))
    done = subprocess.run(["bash", script], capture_output=True, text=True)
    assert done.returncode == 0 and "is done, attempt 1" in done.stdout
    assert attempts_of(one, "ok") == ["attempt_1"]


def test_redo_runs_chosen_cells_again_and_keeps_their_attempts(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok", "wrong"]')
    one.call("submit")
    outcome = one.call("resume", "--redo", "*pathok*")
    assert "1 to be run now" in outcome.out, outcome
    assert attempts_of(one, "ok") == ["attempt_1", "attempt_2"] and attempts_of(one, "wrong") == ["attempt_1"]
    assert "0 to be run now" in one.call("resume").out
    assert "no cell has such a name" in one.call("resume", "--redo", "nothing").err


def test_a_changed_sweep_runs_what_is_new_and_keeps_what_was(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2]')
    one.call("submit")
    one.write('[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [2, 3]')
    assert "2 cells: 1 complete, 1 waiting; 1 to be run now" in one.call("submit").out
    told = one.call("status").out
    assert "2 cells: 2 complete" in told and "1 cells of earlier plans" in told
    assert len(one.attempts()) == 3


def test_a_dry_run_writes_every_script_and_starts_nothing(sweep):
    one = sweep(KINDS)
    outcome = one.call("submit", "--dry-run")
    assert outcome.out.count("launch.sh") == 4 and len(list(one.results.glob("cells/*/launch.sh"))) == 4
    assert not one.attempts()
    assert "4 waiting; 4 to be run now" in one.call("submit").out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_driver_takes_its_launch_with_it_and_resume_goes_on(number, sweep):
    one = sweep('[sweep.zip]\ndata.path = ["slow"]')
    driver = started(one, "submit")
    os.kill(driver.pid, number)
    driver.communicate(timeout=120)
    wait_for(lambda: not processes_in(one.results))
    told = one.call("status").out
    assert "1 stopped" in told and "step 2 of 4: stopped from outside; goes on at step 2" in told, told
    resumed = started(one, "resume", attempt=2)
    assert attempts_of(one, "slow") == ["attempt_1", "attempt_2"]
    assert "running: " in one.call("status").out
    assert "asked the driver" in one.call("cancel").out
    resumed.communicate(timeout=120)
    assert resumed.returncode == 130 and "no driver" in one.call("cancel").out
    wait_for(lambda: not processes_in(one.results))


def test_a_stopped_cell_goes_on_from_its_checkpoint_and_leaves_none_when_it_is_complete(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["slow_once"]')
    driver = started(one, "submit")
    os.kill(driver.pid, signal.SIGTERM)
    assert "stopping with a checkpoint" in driver.communicate(timeout=120)[0].decode()
    (checkpoint,) = one.results.glob("cells/*/checkpoints/*/step_*")
    assert "1 to be run now" in one.call("resume").out
    assert "1 complete" in one.call("status").out and not checkpoint.exists()
    (run,) = one.results.glob("cells/*/attempt_2/run.h5")
    with h5py.File(run) as file:
        assert file.attrs["attempt"] == 1  # so the program was given the checkpoint
    assert "from=00000002" in (run.parent / "began").read_text()


def test_a_cell_that_is_redone_begins_anew(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["slow_once"]')
    os.kill((driver := started(one, "submit")).pid, signal.SIGTERM)
    driver.communicate(timeout=120)
    one.call("resume", "--redo", "*")
    (began,) = one.results.glob("cells/*/attempt_2/began")
    assert "from=\n" in began.read_text() and "1 complete" in one.call("status").out


def test_a_checkpoint_that_cannot_be_read_is_told_with_the_way_out(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["slow_once"]')
    os.kill((driver := started(one, "submit")).pid, signal.SIGTERM)
    driver.communicate(timeout=120)
    next(one.results.glob("cells/*/checkpoints/*/*/checkpoint.json")).write_text("")
    one.call("resume")
    told = one.call("status").out
    assert "1 failed" in told and "the JSON is not valid; should its checkpoint be at fault, --redo begins anew" in told, told
    one.call("resume", "--redo", "*")
    assert "1 complete" in one.call("status").out


def test_a_second_ctrl_c_does_not_wait_for_a_launch_that_takes_no_signal(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["deaf"]')
    driver = started(one, "submit")
    os.kill(driver.pid, signal.SIGINT)
    time.sleep(0.5)
    assert driver.poll() is None
    os.kill(driver.pid, signal.SIGINT)
    assert driver.communicate(timeout=120) and driver.returncode == 130
    wait_for(lambda: not processes_in(one.results))
    told = one.call("status").out
    assert "1 interrupted" in told and "step 2 of 4: its launch ended without a word" in told and "goes on" not in told, told


def test_a_launch_that_does_not_stop_is_killed_even_if_the_driver_is(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["deaf"]', site=SITE + "notice_seconds = 1\n")
    driver = started(one, "submit")
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate(timeout=120)
    wait_for(lambda: not processes_in(one.results))
    told = one.call("status").out
    assert "1 failed" in told and "stopped from outside" in told, told


def test_a_launch_script_starts_no_other_build_than_the_one_that_was_planned(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    one.program = Path(shutil.copy(one.program, one.folder))
    one.call("submit", "--dry-run")
    one.program.write_text(one.program.read_text().replace("moescope 0 (fake)", "moescope 1 (fake)"))
    (script,) = one.results.glob("cells/*/launch.sh")
    assert subprocess.run(["bash", script]).returncode == 1
    told = one.call("status").out
    assert "1 failed" in told and "not the build that was planned with" in told, told


def test_a_killed_launch_script_is_told_as_interrupted(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["slow"]')
    driver = started(one, "submit")
    for pid in processes_in(one.results):
        if int(pid) != driver.pid:
            os.kill(int(pid), signal.SIGKILL)
    driver.communicate(timeout=120)
    told = one.call("status").out
    assert "1 interrupted" in told and "ended without a word" in told, told


def test_two_drivers_do_not_work_on_the_same_results(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["slow"]')
    driver = started(one, "submit")
    try:
        second = one.call("resume")
        assert second.code == 1 and f"another driver is at work on these results (process and host: {driver.pid} " in second.err
        assert attempts_of(one, "slow") == ["attempt_1"]
    finally:
        one.call("cancel")
        driver.communicate(timeout=120)


def test_another_build_or_missing_data_is_told_before_anything_runs(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    program = one.folder / "program"
    program.write_bytes(one.program.read_bytes())
    program.chmod(0o755)
    one.program = program
    assert one.call("submit").code == 0
    program.write_text(program.read_text().replace("moescope 0 (fake)", "moescope 1 (fake)"))
    assert "another build than the one that was planned with (moescope 1 (fake))" in one.call("resume").err
    one.write('[sweep.matrix]\ndata.path = ["absent"]')
    outcome = one.call("submit")
    assert outcome.code == 1 and "data.path = absent is no folder" in outcome.err


def test_a_run_file_of_another_cell_is_not_taken_for_this_one(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2]')
    one.call("submit")
    first, second = sorted(one.results.glob("cells/*/attempt_1/run.h5"))
    first.write_bytes(second.read_bytes())
    told = one.call("status").out
    assert "1 complete, 1 failed" in told and "another cell_key than the plan" in told, told


def test_without_results_the_commands_say_so(sweep):
    one = sweep(KINDS)
    for command in ("status", "resume", "cancel"):
        outcome = one.call(command)
        assert outcome.code == 1 and "nothing has been submitted there" in outcome.err


def test_a_cell_that_is_to_go_on_has_not_failed(sweep, monkeypatch):
    monkeypatch.setattr(local, "SECONDS_PER_MINUTE", 0.3)
    one = sweep('[launch]\nminutes = 5\n[sweep.matrix]\ndata.path = ["slow"]')
    assert one.call("submit").code == 0 and "1 stopped" in one.call("status").out
    outcome = one.call("collect")
    assert outcome.code == 1 and "no cell is complete" in outcome.err


def test_a_launch_that_exceeds_its_time_limit_is_ended_in_order(sweep, monkeypatch):
    monkeypatch.setattr(local, "SECONDS_PER_MINUTE", 0.3)
    one = sweep('[launch]\nminutes = 5\n[sweep.matrix]\ndata.path = ["slow", "ok"]')
    assert one.call("submit").code == 0
    told = one.call("status").out
    assert "1 complete, 1 stopped" in told and "step 2 of 4: the time limit was near; goes on at step 2" in told, told


def table(one):
    with open(one.results / "table.csv", newline="") as file:
        return [{key: value for key, value in row.items() if key != "attempt"} for row in csv.DictReader(file)]


def test_a_driver_killed_at_random_moments_loses_nothing_and_runs_no_finished_cell_again(sweep):
    one = sweep('repeats = 2\n[sweep.matrix]\ndata.path = ["ok", "fail_once"]')
    random.seed(11)

    def command():
        return "resume" if (one.results / "manifest.json").exists() else "submit"

    for _ in range(8):
        driver = one.start(command())
        time.sleep(random.uniform(0.1, 1.5))
        driver.kill()
        driver.communicate()
    wait_for(lambda: not processes_in(one.results))
    while "0 to be run now" not in (outcome := one.call(command())).out:
        assert outcome.code == 0, outcome
    assert one.call("collect").code == 0
    assert len(list(one.results.glob("cells/*/attempt_*/run.h5"))) == 4
    disturbed, first_results = table(one), one.results
    one.results = one.folder / "undisturbed"
    for command in ("submit", "resume", "collect"):
        assert one.call(command).code == 0
    assert disturbed == table(one) and len(disturbed) == 40 and first_results != one.results
