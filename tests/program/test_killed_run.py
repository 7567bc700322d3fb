"""Whichever rank dies, and whenever: the job ends at once and every announced step can be read."""

import os
import random
import signal
import time

import h5py
import numpy as np
import pytest

from program import EXECUTABLE, SMOKE, command, finish, start

STEPS = 20000


def rank_processes(launcher):
    """Of a launcher, by rank."""
    found = {}
    for folder in os.listdir("/proc"):
        try:
            if os.readlink(f"/proc/{folder}/exe") != str(EXECUTABLE.resolve()):
                continue
            with open(f"/proc/{folder}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{folder}/environ") as file:
                variables = dict(text.split("=", 1) for text in file.read().split("\0") if "=" in text)
        except (OSError, ValueError):
            continue
        if parent == launcher:
            found[int(variables.get("OMPI_COMM_WORLD_RANK", -1))] = int(folder)
    return found


def wait_for_first_step(process, path, seconds=30):
    """Asks the run file; what a launcher does with a line of progress that has not ended is its own affair."""
    end = time.monotonic() + seconds
    while True:
        assert process.poll() is None and time.monotonic() < end, "the run did not start, or ended early"
        try:
            with h5py.File(path, locking=False) as file:
                if file["steps_done"][()] > 0:
                    return
        except (OSError, KeyError, RuntimeError):  # not there yet, or half made
            pass
        time.sleep(0.02)


def check_what_is_left(path):
    with h5py.File(path) as file:
        assert file.attrs["status"] in (b"running", b"failed")
        done = int(file["steps_done"][()])
        assert 1 <= done < STEPS
        for name in ("loss/cross_entropy", "step_seconds", "tokens"):
            assert np.all(np.isfinite(file["raw"][name][:done])), name
        assert np.all(file["raw/collective_payload_bytes"][:done] >= 0)
        assert np.all(file["raw/collective_payload_bytes"][:done] == file["computed/payload_bytes"][:done])
        assert np.all(file["raw/collective_payload_bytes"][:done].sum(axis=2) > 0)


def start_long_run(packed, folder, *settings, ranks=2):
    """A run of 20000 steps that has done its first."""
    every = (f"data.path={packed}", f"train.steps={STEPS}", "eval.every=0", "record.detail_every=1000", *settings)
    words = [word for setting in every for word in ("--set", setting)]
    process = start(command("run", SMOKE, *words, "--out", "run.h5", ranks=ranks), folder)
    wait_for_first_step(process, folder / "run.h5.partial")
    return process


@pytest.mark.parametrize("attempt", range(4))
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_rank_ends_the_job_and_keeps_its_steps(victim, attempt, packed, tmp_path):
    process = start_long_run(packed, tmp_path, "layout.ep=2")
    time.sleep(random.uniform(0, 0.7))
    os.kill(rank_processes(process.pid)[victim], signal.SIGKILL)
    outcome = finish(process, timeout=20)
    assert outcome.code != 0
    assert not (tmp_path / "run.h5").exists()
    check_what_is_left(tmp_path / "run.h5.partial")
