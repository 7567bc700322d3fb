"""A whole run: every layout, mode, timing and number type gives a complete file whose parts agree with each other."""

import itertools
import shutil

import h5py
import numpy as np
import pytest

from program import EXECUTABLE, SMOKE, execute
from test_energy import write_zone

LAYOUTS = {"1 rank": (1, []), "dp 2": (2, []), "ep 2": (2, ["layout.ep=2"]), "tp 2, ep 2": (4, ["layout.tp=2", "layout.ep=2"])}
MODES, TIMINGS, TYPES = ("train", "forward"), ("phased", "free"), ("float32", "float64")
CASES = list(itertools.product(LAYOUTS, MODES, TIMINGS, TYPES))


def run(packed, folder, *settings, ranks=1, options=(), before=""):
    words = ["--set", f"data.path={packed}", "--out", "run.h5", *(word for key in settings for word in ("--set", key)), *options]
    return execute("run", SMOKE, *words, ranks=ranks, before=before, cwd=folder)


@pytest.fixture(scope="module")
def files(packed, tmp_path_factory):
    """The run file of a case, made when first asked for."""
    made = {}

    def file_of(layout, mode, timing, dtype):
        case = (layout, mode, timing, dtype)
        if case not in made:
            folder = tmp_path_factory.mktemp("run")
            ranks, settings = LAYOUTS[layout]
            outcome = run(
                packed, folder, *settings, f"train.mode={mode}", f"train.timing={timing}", f"train.dtype={dtype}", ranks=ranks
            )
            assert outcome.code == 0, outcome
            assert outcome.out.endswith(f"Run file: run.h5\nNext:\n  {EXECUTABLE} inspect run.h5\n")
            made[case] = folder / "run.h5"
        return made[case]

    return file_of


def losses(path):
    with h5py.File(path) as file:
        return np.concatenate([file["raw/loss/cross_entropy"][()], file["raw/eval/loss"][()].ravel()])


@pytest.mark.parametrize("layout, mode, timing, dtype", CASES)
def test_a_run_is_complete_and_what_it_counted_was_computed(layout, mode, timing, dtype, files):
    path = files(layout, mode, timing, dtype)
    assert not path.with_name("run.h5.partial").exists()
    with h5py.File(path) as file:
        assert file.attrs["status"] == b"complete" and file.attrs["timing"] == timing.encode()
        assert file["steps_done"][()] == file["step"].size == 4
        for counted, computed in (
            ("collective_payload_bytes", "payload_bytes"),
            ("collective_messages", "messages"),
            ("collective_calls", "calls"),
            ("rank_rows", "rank_rows"),
            ("rank_rows_worst_micro_batch", "rank_rows_worst_micro_batch"),
        ):
            assert np.array_equal(file["raw"][counted][()], file["computed"][computed][()]), counted
        assert np.all(np.isfinite(file["raw/step_seconds"][()])) and np.all(file["raw/step_seconds"][()] > 0)
        assert np.all(np.isfinite(file["raw/checks_seconds"][()])) and np.all(file["raw/checks_seconds"][()] > 0)
        assert np.all(np.isfinite(file["raw/phase_seconds"][()])) == (timing == "phased")
        assert np.all(file["raw/tokens"][()] == 4 * 32)
        assert np.all(file["raw/expert_tokens_routed"][()].sum(axis=2) == 4 * 32 * 2)


def unfilled(path):
    """Numeric datasets with an element that was never written, or could not be computed."""
    found = set()

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
            values = item[()]
            missing = np.isnan(values) if item.dtype.kind == "f" else values == np.array(-1).astype(item.dtype)
            if np.any(missing):
                found.add(name)

    with h5py.File(path) as file:
        file.visititems(visit)
        return found, bool(file.attrs["oversubscribed"])


# What compares with steps and evaluations before, which the first ones lack, or needs phases.
OF_LATER_STEPS = {
    *("derived/load_drift", "derived/dead_fraction_over_window", "derived/gate_seconds_per_token"),
    *("derived/eval/changed_fraction", "raw/eval/changed_tokens"),
}


def test_a_free_run_fills_every_dataset_but_the_phases(ranks, packed, tmp_path):
    settings = ["train.timing=free", "train.steps=8", "machine.stated_peak_flops=1e12", "gate.kind=switch", "model.top_k=1"]
    write_zone(tmp_path / "powercap", "intel-rapl:0", "package-0")
    before = f"export MOESCOPE_POWERCAP={tmp_path / 'powercap'}"
    assert run(packed, tmp_path, *settings, ranks=ranks, before=before).code == 0
    found, oversubscribed = unfilled(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5") as file:  # clocks that a busy machine read too far apart leave an exchange no time
        timeless = file["raw/collective_transfer_seconds"][()].sum(axis=1) <= 0
        for name in () if oversubscribed else ("algbw", "busbw"):
            assert np.array_equal(np.isnan(file[f"derived/bandwidth/{name}"][()]), timeless)
    may_lack = "derived/" if oversubscribed else "derived/bandwidth/"
    assert {name for name in found if not name.startswith(may_lack)} == {"raw/phase_seconds", *OF_LATER_STEPS} - (
        {name for name in OF_LATER_STEPS if name.startswith(may_lack)}
    )


@pytest.mark.parametrize("layout, mode, timing, dtype", CASES)
def test_losses_are_those_of_one_rank(layout, mode, timing, dtype, files):
    one = losses(files("1 rank", mode, "free", dtype))
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert np.all(np.isfinite(one)) and np.all(one > 0)
    np.testing.assert_allclose(losses(files(layout, mode, timing, dtype)), one, rtol=tolerance, atol=0)


def test_both_number_types_learn_alike(files):
    single, double = (losses(files("1 rank", "train", "free", dtype)) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(single, double, rtol=1e-4)
    assert double[3] < double[0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_forward_run_writes_the_same_record(layout, files):
    def described(path):
        found = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, item: found.update({name: getattr(item, "shape", ())[:2]}))
        return found

    train, forward = (described(files(layout, mode, "phased", "float64")) for mode in MODES)
    assert list(train) == list(forward)
    with h5py.File(files(layout, "forward", "phased", "float64")) as file:
        assert not any("backward" in name or "gradient" in name for name in file["collective"].asstr()[()])


def test_inspect_tells_of_a_complete_run(files, tmp_path):
    outcome = execute("inspect", files("dp 2", "train", "phased", "float32"), cwd=tmp_path)
    assert outcome.code == 0 and outcome.err == ""
    assert "complete" in outcome.out and "4" in outcome.out


def test_a_run_is_replaced_only_when_asked(files, packed, tmp_path):
    path = shutil.copy(files("1 rank", "train", "free", "float32"), tmp_path / "run.h5")
    before = path.read_bytes()
    refused = run(packed, tmp_path)
    assert refused.code == 1 and "--overwrite" in refused.errors[0]
    assert path.read_bytes() == before
    assert run(packed, tmp_path, options=["--overwrite"]).code == 0
    assert path.read_bytes() != before


def test_the_progress_line_tells_how_far_and_how_fast(ranks, packed, tmp_path):
    outcome = run(packed, tmp_path, ranks=ranks, options=["--progress", "always"])
    assert outcome.code == 0
    told = outcome.err + outcome.out  # Open MPI 5's mpirun brings the ranks' stderr in its stdout
    lines = [line for line in told.replace("\r", "\n").splitlines() if line.startswith("step ")]
    assert lines and lines[-1].startswith("step 4/4")
    for word in ("loss ", "tokens/s", "imbalance ", "left"):
        assert word in lines[-1]


def test_progress_is_silent_where_nobody_watches(packed, tmp_path):
    assert "step " not in run(packed, tmp_path).err
    assert "step " not in run(packed, tmp_path, options=["--progress", "never", "--overwrite"]).err


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_that_diverges_ends_with_a_sentence_and_keeps_its_steps(ranks, packed, tmp_path):
    outcome = run(
        packed,
        tmp_path,
        "train.steps=50",
        "eval.every=0",
        "optimizer.learning_rate=1e30",
        "optimizer.warm_up_steps=0",
        "optimizer.clip_norm=0",
        ranks=ranks,
    )
    assert outcome.code == 1 and len(outcome.errors) == 1, outcome
    assert "the training diverged" in outcome.errors[0] and "optimizer.learning_rate" in outcome.errors[0]
    assert not (tmp_path / "run.h5").exists()
    with h5py.File(tmp_path / "run.h5.partial") as file:
        assert file.attrs["status"] == b"failed" and b"diverged" in file.attrs["status_reason"]
        done = int(file["steps_done"][()])
        assert 1 <= done < 50 and np.isfinite(file["raw/loss/total"][0])
