"""The program agrees with the recorded numbers of the published implementation in every layout, and notices one changed."""

import shutil

import pytest

import tensor_file
from program import GOLDEN, execute

FIXTURES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
LAYOUTS = {
    "1 rank": (1, []),
    "tp 2": (2, ["layout.tp=2"]),
    "ep 2": (2, ["layout.ep=2"]),
    "tp 2, ep 2": (4, ["layout.tp=2", "layout.ep=2"]),
}
DAMAGES = [
    ("grads.safetensors", "model.layers.0.self_attn.q_proj.weight", "grad model.layers.0.self_attn.q_proj.weight"),
    ("io.safetensors", "moe.1.output", "moe.1.output"),
    ("io.safetensors", "logits", "logits"),
]


def test_there_are_fixtures():
    assert len(FIXTURES) >= 6


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", FIXTURES)
def test_a_golden_fixture_is_verified(name, layout, tmp_path):
    ranks, settings = LAYOUTS[layout]
    overrides = [word for setting in settings for word in ("--set", setting)]
    outcome = execute("verify", GOLDEN / name, *overrides, ranks=ranks, cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert outcome.out.splitlines()[-1] == "verified"
    assert "differs" not in outcome.out


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_in_evaluation_mode_are_verified(layout, tmp_path):
    """The switch gate draws, drops and weighs alike in training and evaluation, so the gradients are the same."""
    shutil.copytree(GOLDEN / "switch_drop_zero", tmp_path / "evaluation")
    tensor_file.fill(tmp_path / "evaluation/io.safetensors", "training", 0)
    ranks, settings = LAYOUTS[layout]
    overrides = [word for setting in settings for word in ("--set", setting)]
    outcome = execute("verify", "evaluation", *overrides, ranks=ranks, cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert "59 tensors compared" in outcome.out and outcome.out.splitlines()[-1] == "verified"


@pytest.mark.parametrize("file, tensor, named", DAMAGES)
def test_one_changed_value_is_found_and_named(file, tensor, named, ranks, tmp_path):
    shutil.copytree(GOLDEN / "noisy_topk_mlp_train", tmp_path / "changed")
    tensor_file.scale_largest_entry(tmp_path / "changed" / file, tensor, 1 + 1e-6)
    outcome = execute("verify", "changed", ranks=ranks, cwd=tmp_path)
    assert outcome.code == 1, outcome
    differing = [line for line in outcome.out.splitlines() if line.startswith("differs: ")]
    assert len(differing) == 1 and differing[0].startswith(f"differs: {named} by")
    assert outcome.out.splitlines()[-1] == "NOT verified"


def test_a_missing_gradient_is_found_and_named(tmp_path):
    shutil.copytree(GOLDEN / "noisy_topk_mlp_train", tmp_path / "changed")
    tensor_file.rename(tmp_path / "changed/grads.safetensors", "model.norm.weight", "stray")
    outcome = execute("verify", "changed", cwd=tmp_path)
    assert outcome.code == 1, outcome
    assert "differs: grad model.norm.weight" in outcome.out and "differs: grad stray" in outcome.out
