"""The memory that a dry run plans is what the tensors of a run hold at their peak."""

import json

import h5py
import numpy as np
import pytest

from program import SMOKE, execute

PURPOSES = ["parameters", "gradients", "optimizer", "activations"]
MARGIN = 0.05  # docs/definitions.md, /raw/memory_by_purpose
EVEN = ["gate.kind=random"]  # no rank gets more rows than an even share but by chance

MODELS = {
    "one rank": (1, []),
    "many choices": (1, ["model.num_experts=16", "model.top_k=8"]),
    "wide experts in float64": (1, ["model.intermediate_size=2048", "train.dtype=float64"]),
    "a switch with capacity": (1, ["gate.kind=switch", "model.top_k=1"]),
    "a residual block": (1, ["residual.num_experts=2", "residual.intermediate_size=256"]),
    "a large vocabulary": (1, ["model.vocab_size=4096"]),
    "several micro-steps": (1, ["batch.micro_steps=2"]),
    "forward alone": (1, ["train.mode=forward"]),
    "dp 2": (2, []),
    "ep 2": (2, ["layout.ep=2", *EVEN]),
    "ep 2, all_gather": (2, ["layout.ep=2", "train.dispatcher=all_gather", *EVEN]),
    "tp 2": (2, ["layout.tp=2", "layout.etp=1", *EVEN]),
    "tp 2, etp 2": (2, ["layout.tp=2", *EVEN]),
    "tp 2, ep 2": (4, ["layout.tp=2", "layout.ep=2", *EVEN]),
}


@pytest.mark.parametrize("model", MODELS)
def test_the_dry_run_plans_what_the_tensors_of_a_run_hold(model, packed, tmp_path):
    ranks, settings = MODELS[model]
    common = "batch.sequences=8 batch.sequence_length=128 train.steps=2 eval.every=0"
    settings = [f"data.path={packed}", *common.split(), *settings]
    words = [word for setting in settings for word in ("--set", setting)]
    planned = execute("run", SMOKE, *words, "--set", f"layout.ranks={ranks}", "--dry-run", "--json", cwd=tmp_path)
    assert planned.code == 0, planned
    plan = json.loads(planned.out)["memory_bytes_of_heaviest_rank"]
    done = execute("run", SMOKE, *words, "--out", "run.h5", ranks=ranks, cwd=tmp_path)
    assert done.code == 0, done
    with h5py.File(tmp_path / "run.h5") as file:
        assert list(file["memory_purpose"].asstr()) == PURPOSES
        held = file["raw/memory_by_purpose"][()]
    state = [plan[purpose] for purpose in PURPOSES[:3]]
    heaviest = [rank for rank in range(ranks) if held[0, rank, :3].tolist() == state]
    assert heaviest and np.all(held[:, heaviest, :3] == state)
    assert held[:, heaviest, 3].max() == pytest.approx(plan["activations"], rel=MARGIN)
