"""Studies of the size of a paper's: many ranks, routers and exchanges in one launch, and many arms that differ in many keys."""

from unittest import mock

import numpy as np

import synthetic_run
from synthetic_run import study_of, write_run

AXES = ("tp", "ep", "etp", "expert_block", "edp", "dp", "stage", "world")
EXCHANGES = [
    *("tp.all_reduce.attention.forward", "tp.reduce_scatter.block.backward", "ep.dispatch.forward", "ep.dispatch.backward"),
    *("ep.combine.forward", "ep.combine.backward", "etp.rows.forward", "expert_block.tokens.forward", "edp.gradients"),
    *("dp.gradients", "stage.pool_sum.forward", "stage.gradients", "world.control.gradient_norm"),
]
KEYS = ("hidden_size", "num_layers", "num_experts", "top_k", "intermediate_size", "num_heads", "num_kv_heads", "vocab_size")


def _patched():
    operations = np.resize(["all_reduce", "all_gather", "reduce_scatter", "all_to_all"], len(EXCHANGES)).tolist()
    sizes = {"RANKS": 64, "ROUTERS": 32, "EXPERTS": 64, "COLLECTIVES": EXCHANGES, "OPERATIONS": operations}
    return mock.patch.multiple(synthetic_run, GROUP_SIZES=[8] * len(EXCHANGES), **sizes)


def launch(path, **changes):
    with _patched():
        return write_run(path, steps=120, config={"layout.ranks": 64, "layout.dp": 32}, **changes)


def many_arms(folder, **changes):
    """Twelve, which differ in nine keys."""
    folder.mkdir()
    paths = []
    for number in range(12):
        config = {f"model.{key}": 2 ** (3 + place + (number >> place & 1)) for place, key in enumerate(KEYS)}
        config |= {"layout.ranks": 2 ** (number % 3), "gate.kind": ("noisy_top_k", "switch", "random_learnable")[number % 3]}
        config |= {"capacity.factor": 1.0 + number % 4 / 4}
        paths.append(write_run(folder / f"{number}.h5", config=config, **changes))
    return study_of(paths, keys=[*(f"model.{key}" for key in KEYS), "gate.kind"])
