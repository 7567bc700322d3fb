"""A run checks itself: a number damaged on its way through MPI makes the file `wrong`, with a sentence, and the exit code 1."""

import h5py
import numpy as np
import pytest

from program import EXECUTABLE, SMOKE, execute

FAULTY_MPI = EXECUTABLE.parents[2] / "tests/libmoescope_faulty_mpi.so"
LAYOUTS = {"dp 2": (2, []), "ep 2": (2, ["layout.ep=2"]), "tp 2, ep 2": (4, ["layout.tp=2", "layout.ep=2"])}
pytestmark = pytest.mark.skipif(not FAULTY_MPI.exists(), reason=f"{FAULTY_MPI} is not built")


def run(packed, folder, *settings, ranks, fault=""):
    """`fault`: operation, bytes of a number, rank and first call, see tests/support/faulty_mpi.cpp."""
    overrides = [word for setting in settings for word in ("--set", setting)]
    before = f"export LD_PRELOAD='{FAULTY_MPI}' FAULTY_MPI='{fault}'"
    return execute(
        "run", SMOKE, "--set", f"data.path={packed}", "--out", "run.h5", *overrides, ranks=ranks, before=before, cwd=folder
    )


def provenance(path):
    with h5py.File(path) as file:
        return {name: value.decode() for name, value in file["provenance"].attrs.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_twin_of_a_run_on_several_ranks_equals_one_rank(layout, packed, tmp_path):
    ranks, settings = LAYOUTS[layout]
    outcome = run(packed, tmp_path, *settings, ranks=ranks)
    assert outcome.code == 0, outcome
    found = provenance(tmp_path / "run.h5")
    assert 0 <= float(found["twin_difference"]) <= 1e-12 and float(found["twin_seconds"]) > 0


def test_one_rank_has_no_twin(packed, tmp_path):
    assert run(packed, tmp_path, ranks=1).code == 0
    assert not any(name.startswith("twin") for name in provenance(tmp_path / "run.h5"))


def test_copies_of_a_parameter_that_part_are_found_with_step_ranks_and_tensor(packed, tmp_path):
    outcome = run(packed, tmp_path, ranks=2, fault="all_reduce 4 1 0")
    assert outcome.code == 1 and len(outcome.errors) == 1, outcome
    assert "after step 0 ranks 0 and 1 hold different values" in outcome.errors[0]
    assert "model.embed_tokens.weight" in outcome.errors[0] and "dp" in outcome.errors[0]
    with h5py.File(tmp_path / "run.h5") as file:
        assert file.attrs["status"] == b"wrong" and file["steps_done"][()] == 1


def test_the_peak_is_measured_before_and_after(packed, tmp_path):
    assert run(packed, tmp_path, ranks=1).code == 0
    found = provenance(tmp_path / "run.h5")
    assert float(found["measured_peak_flops"]) > 0 and float(found["measured_peak_flops_after"]) > 0


def test_waits_and_transfers_of_a_free_run_are_numbers(packed, tmp_path):
    assert run(packed, tmp_path, "train.timing=free", ranks=2).code == 0
    with h5py.File(tmp_path / "run.h5") as file:
        wait, transfer = file["raw/collective_wait_seconds"], file["raw/collective_transfer_seconds"]
        assert np.all(wait[()] >= 0) and np.all(np.isfinite(transfer[()])) and np.any(transfer[()] > 0)
        assert 0 < float(wait.attrs["clock_error"]) < 1
        inside = (wait[()] + transfer[()]).sum(axis=2)
        assert np.all(inside < file["raw/step_seconds"][()])


@pytest.mark.parametrize(
    "layout, fault", [("ep 2", "all_to_all 8 1 0"), ("dp 2", "all_reduce 8 1 0"), ("tp 2, ep 2", "all_to_all 8 3 0")]
)
def test_a_damaged_number_in_the_twin_ends_the_run_before_step_0(layout, fault, packed, tmp_path):
    ranks, settings = LAYOUTS[layout]
    outcome = run(packed, tmp_path, *settings, ranks=ranks, fault=fault)
    assert outcome.code == 1 and len(outcome.errors) == 1, outcome
    assert "differs from one rank's" in outcome.errors[0]
    with h5py.File(tmp_path / "run.h5") as file:
        assert file.attrs["status"] == b"wrong" and file.attrs["status_reason"].decode() in outcome.errors[0]
        assert file["steps_done"][()] == 0
    assert float(provenance(tmp_path / "run.h5")["twin_difference"]) > 1e-12
