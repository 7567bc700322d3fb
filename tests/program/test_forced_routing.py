"""Routing that something else than the gate decided, as a user meets it: labelled, the same in every layout, replayed exactly."""

import h5py
import numpy as np
import pytest

from program import SMOKE, execute
from test_mistakes import overrides, refused

ROUTED = "raw/expert_tokens_routed"
CHOICES = 4 * 32 * 2  # of a router in a step
FORCED = "eval.every=0 train.dtype=float64 routing.forced="


def arguments(packed, settings, out="run.h5"):
    return ["run", SMOKE, *overrides(f"data.path={packed} {settings}"), "--out", out]


def run(packed, folder, settings, out="run.h5", *more, ranks=1):
    outcome = execute(*arguments(packed, settings, out), *more, ranks=ranks, cwd=folder)
    assert outcome.code == 0, outcome
    return h5py.File(folder / out)


def test_even_routing_is_even_by_expert_and_by_source_rank_and_the_file_says_that_it_is_forced(packed, tmp_path):
    file = run(packed, tmp_path, f"{FORCED}even layout.ep=2 record.detail_every=1", ranks=2)
    assert file.attrs["routing"] == b"forced:even"
    assert (file[ROUTED][()] == CHOICES // 4).all()
    assert (file["raw/expert_tokens_routed_by_rank"][()] == CHOICES // 8).all()
    assert (file["raw/rank_rows"][()] == CHOICES // 2).all()
    assert "routing     forced:even" in execute("inspect", "run.h5", cwd=tmp_path).out


def test_a_natural_run_is_labelled_natural(packed, tmp_path):
    assert run(packed, tmp_path, "train.steps=2").attrs["routing"] == b"natural"


@pytest.mark.parametrize("kind", ["noisy_top_k", "switch", "random_learnable"])
def test_the_choices_of_any_gate_are_replaced(kind, packed, tmp_path):
    file = run(packed, tmp_path, f"{FORCED}zero_expert routing.zero_experts=[2] gate.kind={kind}")
    counts = file[ROUTED][()]
    assert (counts[..., 2] == 0).all() and (counts[..., [0, 1, 3]] > 0).all()


def test_every_layout_has_the_choices_and_losses_of_one_rank(packed, tmp_path):
    settings = f"{FORCED}ragged_source batch.micro_steps=2"
    alone = run(packed, tmp_path, settings, "alone.h5")
    counts = alone[ROUTED][()]
    assert (counts != counts[:1]).any() and not (counts.sum(axis=-1) == CHOICES).all()
    for ranks, layout in ((2, "layout.ep=2"), (4, "layout.tp=2 layout.ep=2 train.dispatcher=all_gather")):
        file = run(packed, tmp_path, f"{settings} {layout}", f"{ranks}.h5", ranks=ranks)
        assert (file[ROUTED][()] == counts).all()
        assert np.allclose(file["raw/loss/cross_entropy"][()], alone["raw/loss/cross_entropy"][()], rtol=1e-11, atol=0)


def test_counts_of_an_earlier_run_are_replayed_exactly(ranks, packed, tmp_path):
    recorded = run(packed, tmp_path, "train.steps=5", "natural.h5")[ROUTED][()]
    assert (recorded[0] != recorded[4]).any()
    replay = f"{FORCED}replay_counts routing.file=natural.h5 layout.ep={ranks} batch.micro_steps=2"
    for where, step in (("start", 0), ("middle", 2), ("end", 4), ("step:3", 3)):
        file = run(packed, tmp_path, f"{replay} routing.file_step={where} train.steps=2", f"{step}.h5", ranks=ranks)
        assert (file[ROUTED][()] == recorded[step]).all()
    file = run(packed, tmp_path, f"{replay} routing.file_steps=advancing routing.file_step=step:2 train.steps=3", ranks=ranks)
    assert (file[ROUTED][()] == recorded[2:]).all()


def test_what_is_replayed_decides_the_keys_and_the_file_that_holds_it_does_not(packed, tmp_path):
    for seed in (1, 2):
        run(packed, tmp_path, f"train.steps=2 train.seed={seed}", f"{seed}.h5")
    (tmp_path / "copy.h5").write_bytes((tmp_path / "1.h5").read_bytes())
    keys = []
    for name in ("1", "2", "copy"):
        file = run(packed, tmp_path, f"{FORCED}replay_counts routing.file={name}.h5 train.steps=2", f"replay_of_{name}.h5")
        keys.append(file["config"].attrs["computation_key"])
        planned = arguments(packed, f"{FORCED}replay_counts routing.file={name}.h5 train.steps=2")
        assert keys[-1].decode() in execute(*planned, "--dry-run", cwd=tmp_path).out
    assert keys[0] == keys[2] != keys[1]


def test_a_resumed_run_goes_on_with_the_counts_that_it_replays_and_with_no_others(packed, tmp_path):
    recorded = run(packed, tmp_path, "train.steps=4", "natural.h5")[ROUTED][()]
    run(packed, tmp_path, "train.steps=4 train.seed=2", "other.h5")
    replay = f"{FORCED}replay_counts routing.file_steps=advancing checkpoint.every=2"
    run(packed, tmp_path, f"{replay} routing.file=natural.h5", "first.h5")
    resumed = "first.h5.checkpoints/step_00000002"
    settings = f"{replay} routing.file=natural.h5 checkpoint.keep=2 checkpoint.path=first.h5.checkpoints"
    run(packed, tmp_path, settings, "first.h5", "--overwrite")
    file = run(packed, tmp_path, settings, "second.h5", "--resume", resumed)
    assert (file[ROUTED][()] == recorded).all()
    settings = settings.replace("natural.h5", "other.h5")
    refused(execute(*arguments(packed, settings, "third.h5"), "--resume", resumed, cwd=tmp_path), "was written by a run on other")


@pytest.mark.parametrize(
    "settings, parts",
    [
        ("routing.forced=even", ["eval.every = 2 must be 0", 'routing.forced = "even"', "tells nothing of losses"]),
        (f"{FORCED}replay_counts routing.file=absent.h5", ["absent.h5"]),
        (f"{FORCED}replay_counts routing.file=natural.h5 batch.sequences=8", ["128 tokens a step, this run has 256"]),
        (f"{FORCED}replay_counts routing.file=natural.h5 routing.file_step=step:2", ["natural.h5", "has 2 steps"]),
        (f"{FORCED}replay_counts routing.file=natural.h5 model.num_experts=8", ["4 experts, this run has 8"]),
    ],
)
def test_what_cannot_be_forced_is_refused_in_one_sentence(settings, parts, ranks, packed, tmp_path):
    run(packed, tmp_path, "train.steps=2", "natural.h5")
    refused(execute(*arguments(packed, settings), ranks=ranks, cwd=tmp_path), *parts)
