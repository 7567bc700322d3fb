"""Routing that something else than the gate decided, as a user meets it: labelled, the same in every layout, replayed exactly."""

import json

import h5py
import numpy as np
import pytest

from program import SMOKE, execute
from test_mistakes import overrides, refused

ROUTED = "raw/expert_tokens_routed"
OF_TOKENS = "raw/choices"
EVERY_CHOICE = "record.choices=true record.detail_every=1"
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


def test_choices_of_every_token_are_replayed_and_on_the_same_layout_every_bit_of_the_losses(packed, tmp_path):
    settings = f"{EVERY_CHOICE} batch.micro_steps=2 capacity.policy=random capacity.factor=1.1"
    natural = run(packed, tmp_path, f"{settings} train.dtype=float64 layout.ep=2", "natural.h5", ranks=2)
    choices = natural[OF_TOKENS][()]
    assert choices.shape == (4, 2, 4 * 32, 2) and choices.dtype == np.int32
    assert ((choices[..., None] == np.arange(4)).sum(axis=(2, 3)) == natural[ROUTED][()]).all()
    assert (natural["derived/dropped_fraction"][()] > 0).any() and (choices[..., 0] > choices[..., 1]).any()
    replay = f"{FORCED}replay_choices routing.file=natural.h5 {settings}"
    loss = "raw/loss/total"
    for ranks in (1, 2):
        file = run(packed, tmp_path, f"{replay} routing.file_steps=advancing layout.ep={ranks}", f"{ranks}.h5", ranks=ranks)
        assert (file[OF_TOKENS][..., :2] == choices).all() and (file[OF_TOKENS][..., 2:] == -1).all()
        assert np.allclose(file[loss][()], natural[loss][()], rtol=1e-11, atol=0)
    assert (file[loss][()] == natural[loss][()]).all() and (file["raw/loss/terms"][()] == natural["raw/loss/terms"][()]).all()
    assert "replayed_choices" in file["provenance"].attrs
    held = run(packed, tmp_path, f"{replay} routing.file_step=step:2", "held.h5")
    assert (held[OF_TOKENS][..., :2] == choices[2]).all()


def test_different_numbers_of_choices_are_replayed_too(packed, tmp_path):
    first = run(packed, tmp_path, f"{FORCED}ragged_source {EVERY_CHOICE}", "first.h5")
    assert ((first[OF_TOKENS][()] >= 0).sum(axis=(2, 3)) == first[ROUTED][()].sum(axis=2)).all()
    again = f"{FORCED}replay_choices routing.file=first.h5 routing.file_steps=advancing train.seed=2 {EVERY_CHOICE}"
    assert (run(packed, tmp_path, again)[OF_TOKENS][()] == first[OF_TOKENS][()]).all()


def test_a_dry_run_counts_the_bytes_of_replayed_choices(packed, tmp_path):
    natural = run(packed, tmp_path, f"{EVERY_CHOICE} layout.ep=2", "natural.h5", ranks=2)
    sent = dict(zip(natural["collective"].asstr()[()], natural["computed/payload_bytes"][1].sum(axis=0), strict=True))
    replay = (
        f"{FORCED}replay_choices routing.file=natural.h5 routing.file_step=step:1 train.dtype=float32 layout.ep=2 layout.ranks=2"
    )
    planned = execute(*arguments(packed, replay), "--dry-run", "--json", cwd=tmp_path)
    step = json.loads(planned.out)["step"]
    assert step["assumes"] == "step 0 of forced:replay_choices"
    computed = {each["name"]: each["payload_bytes"]["all_ranks"] for each in step["collectives"]}
    assert "ep.dispatch.forward" in computed and computed == {name: sent[name] for name in computed}


def test_a_step_without_choices_is_refused_with_those_that_have_them(packed, tmp_path):
    run(packed, tmp_path, "train.steps=3 record.choices=true record.detail_every=2", "some.h5")
    replay = f"{FORCED}replay_choices routing.file=some.h5 train.steps=2"
    run(packed, tmp_path, f"{replay} routing.file_step=end")
    for settings in ("routing.file_step=middle", "routing.file_steps=advancing"):
        outcome = execute(*arguments(packed, f"{replay} {settings}"), cwd=tmp_path)
        refused(outcome, "some.h5", "has choices of steps 0, 2;", "ask for step 1", settings.partition("=")[2])


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
        (f"{FORCED}replay_choices routing.file=natural.h5", ["natural.h5", "has no choices of tokens", "record.choices = true"]),
        (f"{FORCED}replay_choices routing.file=natural.h5 model.num_experts=8", ["4 experts, this run has 8"]),
    ],
)
def test_what_cannot_be_forced_is_refused_in_one_sentence(settings, parts, ranks, packed, tmp_path):
    run(packed, tmp_path, "train.steps=2", "natural.h5")
    refused(execute(*arguments(packed, settings), ranks=ranks, cwd=tmp_path), *parts)
