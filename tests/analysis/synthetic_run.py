"""A small run file as the program writes it: 10 steps asked for, 2 of them warm-up, on 4 ranks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "analysis"))

import h5py
import numpy as np

STEPS, RANKS, ROUTERS, EXPERTS, WARM_UP = 10, 4, 3, 8, 2
PHASES = [
    "data",
    "embedding",
    "attention",
    "gate",
    "dispatch",
    "experts",
    "combine",
    "head",
    "communication",
    "gradients",
    "optimizer",
    "record",
]
COLLECTIVES = [
    "tp.all_reduce.attention.forward",
    "tp.all_gather.block.forward",
    "ep.dispatch.forward",
    "ep.combine.forward",
    "dp.gradients",
    "control.counts",
]
DOMAINS = ["code", "headers", "licences"]
ROOT = {"schema_version": 1, "status": "complete", "status_reason": "", "timing": "phased", "oversubscribed": 0}


def _scales(file, steps):
    scales = {
        "step": range(steps),
        "router": [f"{layer}.ffn" for layer in range(ROUTERS)],
        "expert": range(EXPERTS),
        "rank": range(RANKS),
        "phase": PHASES,
        "collective": COLLECTIVES,
        "eval": range(3),
        "domain": DOMAINS,
    }
    for name, labels in scales.items():
        labels = list(labels)
        file[name] = np.array(labels, dtype="S") if isinstance(labels[0], str) else np.array(labels)
        file[name].make_scale(name)
    file["provenance/collective_axis"] = np.array([name.split(".")[0] for name in COLLECTIVES], dtype="S")


def _steps(file, random, steps):
    file["raw/warm_up"] = (np.arange(steps) < WARM_UP).astype("u1")
    file["raw/tokens"] = np.full(steps, 1024)
    file["raw/loss/cross_entropy"] = 5.5 - 0.2 * np.arange(steps) + random.normal(0, 0.03, steps)
    file["raw/phase_seconds"] = random.uniform(0.005, 0.02, (steps, RANKS, len(PHASES)))
    file["raw/step_seconds"] = file["raw/phase_seconds"][()].sum(axis=2) + 0.004
    file["raw/collective_payload_bytes"] = random.integers(1, 9, (steps, RANKS, len(COLLECTIVES))) * 10 ** np.arange(6)
    file["computed/payload_bytes"] = file["raw/collective_payload_bytes"][()]
    for kind in ("wait", "transfer"):
        file[f"raw/collective_{kind}_seconds"] = random.uniform(0.001, 0.003, (steps, RANKS, len(COLLECTIVES)))


def _routing(file, random, steps):
    counts = random.multinomial(2048, random.dirichlet(np.full(EXPERTS, 4), ROUTERS), (steps, ROUTERS)).astype("i8")
    file["raw/expert_tokens_routed"] = counts
    file["derived/imbalance/expert/max_over_mean"] = counts.max(axis=2) / counts.mean(axis=2)


def _evaluations(file, random):
    file["raw/eval/at_step"] = np.array([0, 5, 10])
    file["raw/eval/loss"] = np.array([[5.5], [4.6], [3.9]]) + random.normal(0, 0.1, (3, len(DOMAINS)))


def _untell_waits(file):
    """A free run cannot tell waiting from transfer."""
    file["raw/collective_wait_seconds"][...] = np.nan


def write_run(path, steps=STEPS, **changes):
    """`changes`: attributes of the root, steps_done, and text attributes of /provenance."""
    random = np.random.default_rng(7)
    with h5py.File(path, "w") as file:
        for name, default in ROOT.items():
            file.attrs[name] = changes.pop(name, default)
        file["steps_done"] = changes.pop("steps_done", steps)
        file.create_group("provenance").attrs.update({"dirty": "false", "build_type": "Release"} | changes)
        _scales(file, steps)
        _steps(file, random, steps)
        if file.attrs["timing"] == "free":
            _untell_waits(file)
        _routing(file, random, steps)
        _evaluations(file, random)
    return path
