"""The same against a real SLURM on this machine; skipped, with the reason, where it cannot be started."""

import json
import subprocess
import time

from experiment import wait_for
from sweep.executors import slurm_scripts
from sweep.manifest import Results

SITE = 'executor = "slurm"\nlauncher = "env RANKS={ranks}"\ncores_per_node = 4\nat_once = 2\nnotice_seconds = 50\n'


def status(one):
    return one.call("status").out


def wait_until(one, words, seconds=90):
    end = time.monotonic() + seconds
    while words not in (told := status(one)):
        assert time.monotonic() < end, told
        time.sleep(0.5)


def test_an_array_with_a_failing_cell_is_resumed_and_collected(sweep, slurm):
    one = sweep('repeats = 2\n[sweep.matrix]\ndata.path = ["ok", "fail_once"]', site=SITE)
    assert one.call("submit").code == 0
    wait_until(one, "2 complete, 2 failed")
    assert "2 to be run now" in one.call("resume").out
    wait_until(one, "4 complete")
    assert "40 rows of 4 cells" in one.call("collect").out
    assert [path.name for path in one.attempts()].count("attempt_1") == 4 and len(one.attempts()) == 6


def cell_folder(one, kind):
    cells = json.loads((one.results / "manifest.json").read_text())["cells"]
    return one.results / "cells" / next(cell["name"] for cell in cells if cell["settings"]["data.path"] == kind)


def began(one, kind):
    """How often the cell was launched, and the step at which its last launch began."""
    attempts = sorted(cell_folder(one, kind).glob("attempt_*"))
    return len(attempts), (attempts[-1] / "began").read_text().split("from=")[1].strip()


def test_a_cancelled_job_stops_with_a_checkpoint_is_resumed_and_nothing_runs_twice(sweep, slurm):
    text = "[sweep.matrix]\ndata.path = ['slow_once']\nlayout.ranks = [3, 4]"  # one after the other, of an array each
    one = sweep(text, site=SITE)
    one.call("submit")
    wait_until(one, "(step 2 of 4")  # now it listens to signals
    outcome = one.call("cancel")
    assert outcome.code == 0 and "1 running tasks stop" in outcome.out, outcome
    wait_until(one, "1 waiting, 1 stopped", 30)
    assert "2 to be run now" in one.call("resume").out
    wait_until(one, "(step 2 of 4")
    one.call("cancel")
    wait_for(lambda: "running" not in status(one))
    one.call("resume")
    wait_until(one, "2 complete")
    assert [path.name for path in one.attempts()] == ["attempt_1", "attempt_2"] * 2
    assert began(one, "slow_once") == (2, "00000002")


def test_a_killed_job_is_resumed(sweep, slurm):
    one = sweep('[sweep.matrix]\ndata.path = ["deaf"]', site=SITE)
    one.call("submit")
    wait_until(one, "1 running")
    wait_for(lambda: list(one.results.glob("cells/*/attempt_1/run.h5.partial")))
    subprocess.run(["scancel", "--full", "--signal=KILL", f"--name={job_name(one)}"], check=True)
    wait_until(one, "1 interrupted")
    assert "1 to be run now" in one.call("resume").out
    wait_for(lambda: len(one.attempts()) == 2)
    subprocess.run(["scancel", "--full", "--signal=KILL", f"--name={job_name(one, 2)}"], check=True)


def job_name(one, number=1):
    return slurm_scripts.job_name(Results(one.results), number)


def test_before_its_time_limit_a_job_stops_with_a_checkpoint_and_goes_on_by_itself(sweep, slurm):
    one = sweep('[launch]\nminutes = 1\n[sweep.matrix]\ndata.path = ["slow_once"]', site=SITE)
    one.call("submit")
    wait_until(one, "stopped at step 2 of 4; resumes by itself", 60)
    assert "0 to be run now" in one.call("resume").out
    wait_until(one, "1 complete", 90)
    assert began(one, "slow_once") == (2, "00000002")
