"""The same against a real SLURM on this machine; skipped, with the reason, where it cannot be started."""

import json
import time

from experiment import wait_for

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


def test_a_job_killed_half_way_is_resumed_and_nothing_runs_twice(sweep, slurm):
    one = sweep('[sweep.matrix]\ndata.path = ["ok", "slow"]', site=SITE)
    one.call("submit")
    wait_until(one, "1 complete, 1 running")
    assert one.call("cancel").code == 0
    wait_until(one, "1 complete, 1 ", 30)
    wait_for(lambda: "running" not in status(one))
    assert any(word in status(one) for word in ("1 failed", "1 interrupted"))
    assert "1 to be run now" in one.call("resume").out
    wait_for(lambda: len(one.attempts()) == 3)
    one.call("cancel")
    cells = {
        cell["settings"]["data.path"]: cell["name"] for cell in json.loads((one.results / "manifest.json").read_text())["cells"]
    }
    assert len(list((one.results / "cells" / cells["ok"]).glob("attempt_*"))) == 1


def test_the_warning_before_the_time_limit_ends_a_launch_in_order(sweep, slurm):
    one = sweep('[launch]\nminutes = 1\n[sweep.matrix]\ndata.path = ["slow"]', site=SITE)
    one.call("submit")
    wait_until(one, "the time limit was near", 120)
