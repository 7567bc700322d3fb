"""Routers of published families agree with recorded numbers of Hugging Face transformers; what is not honoured is refused."""

import json
import shutil

import pytest

import router_folder
import tensor_file
from program import ROOT, execute

CASES = ROOT / "tests/golden/hf"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())
DAMAGES = [
    ("mixtral_top2", "io.safetensors", "moe.1.router_logits", "moe.1.router_logits"),
    ("qwen2_moe_shared", "io.safetensors", "moe.0.topk_weight", "moe.0.topk_weight"),
    ("deepseek_v3_group", "io.safetensors", "moe.2.combine", "moe.2.combine"),
    (
        "gpt_oss_small",
        "grads.safetensors",
        "model.layers.0.mlp.router.bias",
        "grad model.layers.0.mlp.router.bias from grad.moe.0.router_logits",
    ),
    ("switch_top1", "io.safetensors", "z_coef", "z_coef"),
    ("switch_top1", "io.safetensors", "z_loss", "z_loss"),
    ("olmoe_small", "io.safetensors", "aux_loss", "aux_loss"),
]


def test_every_family_that_is_named_has_a_case(tmp_path):
    families = {json.loads((CASES / name / "config.json").read_text())["model_type"] for name in NAMES}
    (tmp_path / "config.json").write_text('{"model_type": "dbrx"}')
    refusal = execute("verify", ".", cwd=tmp_path).errors[0]
    assert set(refusal.split("the routers of ")[1].split(", ")) == families


@pytest.mark.parametrize("name", NAMES)
def test_recorded_routers_are_verified(name, tmp_path):
    outcome = execute("verify", CASES / name, cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert outcome.out.splitlines()[-1] == "verified" and "differs" not in outcome.out
    assert "router parts only" in outcome.out


@pytest.mark.parametrize("form", router_folder.FORMS)
def test_other_forms_of_a_family_are_verified(form, tmp_path):
    router_folder.FORMS[form](tmp_path / "routers")
    outcome = execute("verify", "routers", cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert outcome.out.splitlines()[-1] == "verified"


@pytest.mark.parametrize("name, file, tensor, named", DAMAGES)
def test_one_changed_value_is_found_and_named(name, file, tensor, named, tmp_path):
    shutil.copytree(CASES / name, tmp_path / "changed")
    tensor_file.scale_largest_entry(tmp_path / "changed" / file, tensor, 1 + 1e-6)
    outcome = execute("verify", "changed", cwd=tmp_path)
    assert outcome.code == 1, outcome
    differing = [line for line in outcome.out.splitlines() if line.startswith("differs: ")]
    assert len(differing) == 1 and differing[0].startswith(f"differs: {named} by")
    assert outcome.out.splitlines()[-1] == "NOT verified"


def test_another_choice_and_another_drop_are_found(tmp_path):
    folder = router_folder.switch_transformers(tmp_path / "routers")
    kept = folder.io["moe.3.kept"]
    kept[kept.argmin() // kept.shape[1], kept.argmin() % kept.shape[1]] = 1
    folder.write()
    outcome = execute("verify", "routers", cwd=tmp_path)
    assert outcome.code == 1 and "differs: moe.3.kept" in outcome.out, outcome
    ids = folder.io["moe.3.topk_index"]
    ids[0, 0] = (ids[0, 0] + 1) % 4
    folder.write()
    outcome = execute("verify", "routers", cwd=tmp_path)
    assert outcome.code == 1 and "differs: moe.3.chosen experts" in outcome.out, outcome


def test_what_was_left_out_is_said(tmp_path):
    folder = router_folder.mixtral(tmp_path / "routers")
    for name in [name for name in folder.io if "moe.1." in name]:
        del folder.io[name]
    folder.io["moe.0.output"] = folder.io["moe.0.input"]
    folder.write()
    outcome = execute("verify", "routers", cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert "not recorded: routers of layers 1\n" in outcome.out
    assert "not compared: moe.<i>.output\n" in outcome.out


CONFIGS = {
    "unknown field": ("mixtral_top2", {"router_temperature": 2.0}, ["router_temperature = 2.0", "no known field"]),
    "field of another family": ("mixtral_top2", {"q_lora_rank": 8}, ["q_lora_rank = 8", "no known field"]),
    "unknown family": ("mixtral_top2", {"model_type": "dbrx"}, ['model_type = "dbrx"', "is not supported"]),
    "more choices than experts": ("mixtral_top2", {"num_experts_per_tok": 9}, ["num_experts_per_tok = 9", "the 8 experts"]),
    "no choice": ("olmoe_small", {"num_experts_per_tok": 0}, ["num_experts_per_tok = 0", "from 1 on"]),
    "two numbers of experts": ("qwen3_moe_norm", {"num_experts": 9}, ["num_local_experts = 8", "contradicts num_experts = 9"]),
    "text for a switch": ("qwen2_moe_shared", {"norm_topk_prob": "yes"}, ['norm_topk_prob = "yes"', "true or false"]),
    "layers that are none": ("qwen3_moe_mlponly", {"mlp_only_layers": [-1]}, ["mlp_only_layers", "numbers of layers"]),
    "too many layers": ("gpt_oss_small", {"num_hidden_layers": 2000000000}, ["num_hidden_layers", "at most 10000"]),
    "another score": ("deepseek_v3_group", {"scoring_func": "softmax"}, ['scoring_func = "softmax"', 'only "sigmoid"']),
    "groups that do not divide": ("deepseek_v3_group", {"n_group": 3}, ["n_group = 3", "n_routed_experts = 8"]),
    "groups of one": ("deepseek_v3_group", {"n_group": 8}, ["n_group = 8", "two experts"]),
    "more groups than there are": ("deepseek_v3_group", {"topk_group": 5}, ["topk_group = 5", "n_group = 4"]),
    "choices beyond the groups": ("deepseek_v3_group", {"num_experts_per_tok": 5}, ["num_experts_per_tok = 5", "the 4 experts"]),
    "layer that is not there": ("llama4_interleave", {"moe_layers": [1, 9]}, ["moe_layers", "num_hidden_layers = 4"]),
    "layer without a router": ("llama4_interleave", {"moe_layers": [1]}, ["moe.3.*", "layer 3", "has no router"]),
    "quantised": ("gpt_oss_small", {"quantization_config": {"quant_method": "mxfp4"}}, ["quantization_config", "only null"]),
    "padding left out": ("switch_top1", {"router_ignore_padding_tokens": True}, ["router_ignore_padding_tokens", "only false"]),
    "other width": ("switch_top1", {"d_model": 16}, ["classifier.weight", "[8, 32]", "[8, 16]"]),
    "missing": ("deepseek_v3_yarn", {"n_group": None}, ["n_group = null", "whole number"]),
}


@pytest.mark.parametrize("mistake", CONFIGS)
def test_a_configuration_that_is_not_honoured_is_refused_by_name(mistake, tmp_path):
    name, changes, parts = CONFIGS[mistake]
    shutil.copytree(CASES / name, tmp_path / "changed")
    path = tmp_path / "changed/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    refused(execute("verify", "changed", cwd=tmp_path), *parts)


def _rename(old, new):
    return lambda folder: folder.io.update({new: folder.io.pop(old)})


def _set(name, place, value):
    return lambda folder: folder.io[name].__setitem__(place, value)


def _add(name, values):
    return lambda folder: folder.io.update({name: router_folder.np.array(values)})


RECORDS = {
    "unknown entry": (_add("moe.0.noise", [0.0]), ["moe.0.noise", "no known entry"]),
    "no number of a layer": (_rename("moe.0.input", "moe.x.input"), ["moe.x.input", "no known entry"]),
    "training mode": (_add("training", [1]), ["training", "evaluation mode"]),
    "missing input": (_rename("moe.1.input", "moe.1.output"), ["moe.1.input", "is missing"]),
    "expert out of range": (_set("moe.0.topk_index", (0, 0), 5), ["moe.0.topk_index", "expert 5 of 5"]),
    "drops of a gate that drops nothing": (_add("moe.0.kept", [[1, 1, 1]] * 14), ["moe.0.kept", "mixtral drops nothing"]),
    "other number of tokens": (_add("input_ids", [[0] * 6] * 2), ["moe.0.input", "84 values where 72"]),
    "no token": (_add("input_ids", [[]] * 2), ["input_ids"]),
}


@pytest.mark.parametrize("mistake", RECORDS)
def test_a_record_that_is_not_honoured_is_refused_by_name(mistake, tmp_path):
    change, parts = RECORDS[mistake]
    folder = router_folder.mixtral(tmp_path / "changed")
    change(folder)
    if mistake == "no token":
        folder.io["input_ids"] = folder.io["input_ids"].astype("int64")
        parts = ["holds no token"]
    folder.write()
    refused(execute("verify", "changed", cwd=tmp_path), *parts)


def refused(outcome, *parts):
    assert outcome.code == 1, outcome
    assert len(outcome.errors) == 1, outcome
    for part in parts:
        assert part in outcome.errors[0], outcome


def test_routers_are_compared_on_one_rank_without_overrides(tmp_path):
    refused(execute("verify", CASES / "mixtral_top2", "--set", "layout.ep=2", cwd=tmp_path), "mixtral", "without --set")
    refused(execute("verify", CASES / "mixtral_top2", ranks=2, cwd=tmp_path), "mixtral", "on one rank")
