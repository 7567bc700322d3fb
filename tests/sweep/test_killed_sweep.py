"""Ranks, launchers, scripts and the driver killed at random moments: every finished step stays readable, `resume` completes the
sweep, nothing complete is launched again, and the table is that of a sweep that nobody disturbed."""

import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from experiment import wait_for
from sweep.run_files import Run, standing
from text_sweep import BASE, LOCAL, LONG, PROGRAM, numbers, pack_text

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")
SWEEP = """[launch]
minutes = 1 # ends an mpirun that hangs, as Open MPI 4's does where a rank is killed while it connects
[sweep.zip]
"layout.ranks" = [1, 2, 2]
"layout.ep" = [1, 2, 2]
"train.dispatcher" = ["local", "all_to_all", "all_gather"]
[set]
train.dtype = "float64"
train.timing = "free"
train.steps = 200
eval.every = 50
checkpoint.every = 20
"""


@pytest.fixture
def sweep(experiment):
    one = experiment(SWEEP, base=BASE, site=LOCAL + "notice_seconds = 10\n", program=PROGRAM)
    pack_text(one.folder)
    return one


def processes(one):
    """{pid: words} of the driver, its script, the launcher and the ranks."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(one.results).encode() in word for word in words):
            found[int(pid)] = words
    return found


def check_finished_steps(one, losses):
    """Each file holds what it says that it holds, and the same numbers as any other of its cell."""
    for path in one.results.glob("cells/*/attempt_*/run.h5*"):
        if not (said := standing(path)).steps_done:
            continue
        loss = Run(path).over_steps("raw/loss/total")[: said.steps_done]
        assert np.isfinite(loss).all(), path
        known = losses.setdefault(path.parent.parent.name, loss)
        common = min(len(known), len(loss))
        np.testing.assert_array_equal(known[:common], loss[:common], err_msg=str(path))
        losses[path.parent.parent.name] = max(known, loss, key=len)


def check_nothing_complete_was_launched_again(one):
    manifest = one.results / "manifest.json"
    for cell in json.loads(manifest.read_text())["cells"] if manifest.exists() else []:
        folder = one.results / "cells" / cell["name"]
        counted = len(list(folder.glob("attempt_*"))) - cell["redo_after"]
        complete = [n for n in range(1, counted + 1) if (folder / f"attempt_{cell['redo_after'] + n}" / "run.h5").exists()]
        assert complete in ([], [counted]), folder


def kill_one(one, chance):
    victims = processes(one)
    if victims:
        os.kill(pid := chance.choice(sorted(victims)), signal.SIGKILL)
        return victims[pid][0].decode().rsplit("/", 1)[-1]
    return ""


def next_command(one):
    """What a user would do; where all is done before enough was killed, everything once more."""
    if not (one.results / "manifest.json").exists():
        return ["submit"]
    return ["resume", "--redo", "*"] if "3 complete" in one.call("status").out else ["resume"]


def disturbed(one, kills, chance):
    """(what was killed, the losses of each cell)"""
    killed, losses = [], {}
    while len(killed) < kills:
        driver = one.start(*next_command(one))
        while driver.poll() is None and len(killed) < kills:
            time.sleep(chance.uniform(0.1, 1.5))
            if name := kill_one(one, chance):
                killed.append(name)
        driver.communicate()
        wait_for(lambda: not processes(one))
        check_finished_steps(one, losses)
        check_nothing_complete_was_launched_again(one)
    return killed, losses


@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=LONG)])
def test_a_sweep_killed_at_random_moments_completes_with_the_numbers_of_an_undisturbed_one(kills, sweep):
    chance = random.Random(kills)
    killed, losses = disturbed(sweep, kills, chance)
    while "0 to be run now" not in (outcome := sweep.call(*next_command(sweep)[:1])).out:
        assert outcome.code == 0, outcome
    check_finished_steps(sweep, losses)
    check_nothing_complete_was_launched_again(sweep)
    resumed = sum("from=0" in path.read_text() for path in sweep.results.glob("cells/*/attempt_*/began"))
    print(f"killed: {' '.join(sorted(killed))}; {len(sweep.attempts())} attempts, {resumed} of them from a checkpoint")
    assert sweep.call("collect").code == 0
    found, sweep.results = numbers(sweep), sweep.folder / "undisturbed"
    sweep.write(SWEEP.replace("minutes = 1", "minutes = 60"))  # on a busy machine too
    assert sweep.call("submit").code == 0 and sweep.call("collect").code == 0
    assert found == numbers(sweep)
