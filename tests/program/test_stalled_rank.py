"""A rank that never comes ends the job with one sentence: which exchange, whose, and who is missing. A slow one does not."""

import os
import signal

import h5py
import pytest

from program import EXECUTABLE, SMOKE, command, finish, start
from test_killed_run import check_what_is_left, rank_processes, start_long_run

STALLS = EXECUTABLE.parents[2] / "tests/unit/comm/stalled_rank"
LIMIT = 1.5

# What rank 3 (or 0, or 2 and 3) does before an exchange of its ep group, and what is said of it.
KINDS = {
    "sleeps": ("ep.sum of group ep (ranks 1, 3)", "rank 3 has not reached it", "rank 3 left MPI_Barrier"),
    "computes": ("ep.sum of group ep (ranks 1, 3)", "rank 3 has not reached it", "rank 3 left MPI_Barrier"),
    "stopped": ("ep.sum of group ep (ranks 1, 3)", "rank 3 has not reached it", "rank 3 does not answer"),
    "first rank stopped": ("ep.sum of group ep (ranks 0, 2)", "rank 0 has not reached it", "rank 0 does not answer"),
    "two sleep": ("ep.sum of group ep (ranks ", " has not reached it", " left MPI_Barrier"),
    "before a barrier": ("MPI_Barrier of group world (ranks 0, 1, 2, 3)", "rank 3 has not reached it", "rank 3 left dp.sum"),
}


def stall(kind, folder):
    return finish(start(["mpirun", "-n", "4", str(STALLS), kind, str(LIMIT)], folder), timeout=60)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rank_that_never_comes_is_named(kind, tmp_path):
    outcome = stall(kind, tmp_path)
    assert outcome.code == 1 and len(outcome.errors) == 1, outcome
    for part in ("stalled: ", "train.watchdog_seconds", *KINDS[kind]):
        assert part in outcome.errors[0]


def test_a_slow_rank_is_waited_for(tmp_path):
    outcome = stall("slow", tmp_path)
    assert outcome.code == 0 and not outcome.errors, outcome


@pytest.mark.parametrize("victim", [0, 1])
def test_a_run_with_a_stopped_rank_ends_and_keeps_its_steps(victim, packed, tmp_path):
    process = start_long_run(packed, tmp_path, "layout.ep=2", f"train.watchdog_seconds={LIMIT}")
    os.kill(rank_processes(process.pid)[victim], signal.SIGSTOP)
    outcome = finish(process, timeout=40)
    assert outcome.code == 1, outcome
    sentences = [part for line in outcome.err.splitlines() for part in line.split("moescope: ")[1:]]
    assert len(sentences) == 1 and sentences[0].startswith("stalled: "), outcome
    assert f"rank {victim} has not reached it; rank {victim} does not answer" in sentences[0]
    assert not (tmp_path / "run.h5").exists()
    check_what_is_left(tmp_path / "run.h5.partial")
    with h5py.File(tmp_path / "run.h5.partial") as file:
        assert file.attrs["status"] == b"running"


def test_without_a_limit_nobody_watches(packed, tmp_path):
    words = command("run", SMOKE, "--set", f"data.path={packed}", "--set", "train.watchdog_seconds=0", "--out", "run.h5", ranks=2)
    assert finish(start(words, tmp_path)).code == 0
