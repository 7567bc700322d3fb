"""Ranks that share cores are counted by the cores that they may use, not by those that the machine has."""

import os

import h5py
import pytest

from program import SMOKE, execute
from test_mistakes import overrides

CORES = sorted(os.sched_getaffinity(0))


def run(packed, folder, ranks, before):
    words = ["run", SMOKE, *overrides(f"data.path={packed} train.steps=2 eval.every=0"), "--out", "run.h5"]
    outcome = execute(*words, ranks=ranks, before=before, cwd=folder)
    assert outcome.code == 0, outcome
    with h5py.File(folder / "run.h5") as file:
        return outcome, bool(file.attrs["oversubscribed"]), file["provenance"].attrs["binding"].decode()


@pytest.mark.parametrize(
    "ranks, before",
    [
        (2, "export OMP_PROC_BIND=true OMP_PLACES=cores OMP_NUM_THREADS=1"),
        (2, f"export OMP_NUM_THREADS=1; taskset -cp {CORES[0]} $$ >/dev/null"),
        (1, f"export OMP_NUM_THREADS=2; taskset -cp {CORES[0]} $$ >/dev/null"),
    ],
    ids=["two ranks bound by OpenMP", "two ranks bound from outside", "two threads"],
)
def test_threads_on_one_core_are_said_once_and_marked(ranks, before, packed, tmp_path):
    outcome, crowded, binding = run(packed, tmp_path, ranks, before)
    assert crowded
    assert outcome.err.count("threads share cores on") == 1
    assert binding.count("rank ") == ranks


def test_a_rank_alone_takes_the_cores_that_it_may_use(packed, tmp_path):
    outcome, crowded, binding = run(packed, tmp_path, 1, f"unset OMP_NUM_THREADS; taskset -cp {CORES[0]} $$ >/dev/null")
    assert not crowded
    assert "share cores" not in outcome.err
    assert binding == f"rank 0: {CORES[0]}"
