"""A rank without memory ends the job with one sentence, never a hang, whatever it was doing."""

import pytest

from program import SMOKE, command, finish, rank_by_rank, start

# Some GiB of activations for each rank; the first gigabyte or two are gone before the first exchange is over.
LARGE = ["batch.sequences=8192", "batch.sequence_length=256", "eval.every=0", "train.watchdog_seconds=20", "layout.ep=2"]


def run_with_limit(kilobytes, victim, packed, folder):
    """Under mpirun on two ranks, one of which may have no more than so much memory."""
    settings = [word for setting in [f"data.path={packed}", *LARGE] for word in ("--set", setting)]
    ranks = [
        command("run", SMOKE, *settings, "--out", "run.h5", before=f"ulimit -v {kilobytes}" if rank == victim else "")
        for rank in (0, 1)
    ]
    return finish(start(rank_by_rank(*ranks), folder), timeout=120)


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("megabytes", [900, 1200, 1800, 2600])
def test_a_rank_out_of_memory_ends_the_job(megabytes, victim, packed, tmp_path):
    outcome = run_with_limit(megabytes * 1024, victim, packed, tmp_path)
    assert outcome.code not in (0, None), outcome
    assert not (tmp_path / "run.h5").exists()
    assert "terminate called" not in outcome.err and len(outcome.errors) <= 1, outcome
    if megabytes >= 1800:
        assert len(outcome.errors) == 1 and f"rank {victim}: " in outcome.errors[0] and "memory" in outcome.errors[0], outcome
