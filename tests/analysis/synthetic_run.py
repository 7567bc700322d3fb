"""A small run file as the program writes it: 10 steps asked for, 2 of them warm-up, on 4 ranks."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "analysis"))

import h5py
import numpy as np

from launches import Launches
from measures import NUMERATORS
from study import Study

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
    "checks",
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
OPERATIONS = ["all_reduce", "all_gather", "all_to_all", "all_to_all", "all_reduce", "all_reduce"]
GROUP_SIZES = [2, 2, 4, 4, 2, 4]
PURPOSES = ["parameters", "gradients", "optimizer", "activations"]
ROOT = {
    "schema_version": 1,
    "status": "complete",
    "status_reason": "",
    "timing": "phased",
    "oversubscribed": 0,
    "created": "2026-01-01T00:00:00Z",
}
CONFIG = {
    "batch": {"micro_steps": 1, "sequence_length": 128, "sequences": 8},
    "gate": {"kind": "noisy_top_k"},
    "layout": {"ranks": RANKS, "tp": 2, "dp": 2, "ep": 4, "etp": 1, "edp": 1},
    "capacity": {"factor": 1.25},
    "record": {"path": "run.h5", "repeat": 0},
    "checkpoint": {"every": 0, "keep": 1, "path": ""},
    "train": {"seed": 1, "dispatcher": "all_to_all", "timing": "phased"},
}


def _scales(file, steps):
    scales = {
        "step": range(steps),
        "router": [f"{layer}.ffn" for layer in range(ROUTERS)],
        "expert": range(EXPERTS),
        "other_expert": range(EXPERTS),
        "detail_step": range(0, steps, 3),
        "rank": range(RANKS),
        "phase": PHASES,
        "collective": COLLECTIVES,
        "evaluation": range(3),
        "domain": DOMAINS,
        "memory_purpose": PURPOSES,
    }
    for name, labels in scales.items():
        labels = list(labels)
        file[name] = np.array(labels, dtype="S") if isinstance(labels[0], str) else np.array(labels)
        file[name].make_scale(name)
    file["provenance/collective_operation"] = np.array(OPERATIONS, dtype="S")
    file["provenance/collective_group_size"] = np.array(GROUP_SIZES)
    file["provenance/collective_axis"] = np.array([name.split(".")[0] for name in COLLECTIVES], dtype="S")


def _steps(file, random, steps):
    file["raw/warm_up"] = (np.arange(steps) < WARM_UP).astype("u1")
    file["raw/tokens"] = np.full(steps, 1024)
    file["raw/loss/cross_entropy"] = 5.5 - 0.2 * np.arange(steps) + random.normal(0, 0.03, steps)
    file["raw/loss/balance"] = random.uniform(0.01, 0.05, (steps, ROUTERS))
    file["raw/loss/total"] = file["raw/loss/cross_entropy"][()] + file["raw/loss/balance"][()].sum(axis=1)
    file["raw/phase_seconds"] = random.uniform(0.005, 0.02, (steps, RANKS, len(PHASES)))
    file["raw/step_seconds"] = file["raw/phase_seconds"][()].sum(axis=2) + 0.004
    file["raw/collective_payload_bytes"] = random.integers(1, 9, (steps, RANKS, len(COLLECTIVES))) * 10 ** (
        np.arange(len(COLLECTIVES)) % 6
    )
    file["raw/collective_calls"] = random.integers(1, 4, (steps, RANKS, len(COLLECTIVES)))
    file["raw/memory_bytes"] = random.integers(90, 100, (steps, RANKS)) * 2**20
    file["raw/memory_by_purpose"] = random.integers(5, 20, (steps, RANKS, len(PURPOSES))) * 2**20
    file["derived/bandwidth/busbw"] = random.uniform(1e8, 4e9, (steps, len(COLLECTIVES)))
    file["computed/payload_bytes"] = file["raw/collective_payload_bytes"][()]
    for kind in ("wait", "transfer"):
        file[f"raw/collective_{kind}_seconds"] = random.uniform(0.001, 0.003, (steps, RANKS, len(COLLECTIVES)))


def _entropy(shares):
    return -np.sum(shares * np.log2(shares, out=np.zeros(shares.shape), where=shares > 0), axis=-1)


def _routing(file, random, steps):
    counts = random.multinomial(2048, random.dirichlet(np.full(EXPERTS, 4), ROUTERS), (steps, ROUTERS)).astype("i8")
    file["raw/expert_tokens_routed"] = counts
    file["raw/rank_rows"] = counts.reshape(steps, ROUTERS, RANKS, -1).sum(axis=3)
    file["derived/imbalance/experts/max_over_mean"] = counts.max(axis=2) / counts.mean(axis=2)
    file["derived/imbalance/experts/normalized_entropy"] = _entropy(counts / 2048) / np.log2(EXPERTS)
    file["derived/imbalance/experts/dead_fraction"] = (counts < 100).mean(axis=2)
    file["derived/dead_fraction_over_window"] = (counts < 80).mean(axis=2)
    _confidence(file, steps, int(counts[0, 0, 0]))
    _pairs(file, counts[::3])


def _confidence(file, steps, seed):
    own = np.random.default_rng([17, seed])
    sure = np.linspace(0.3, 0.7, steps)[:, None] + own.uniform(0, 0.1, (steps, ROUTERS))
    file["raw/confidence/top_probability"] = sure
    file["raw/confidence/entropy"] = 2 * (1 - sure)
    file["raw/confidence/margin"] = 3 * sure - 1
    file["derived/load_drift"] = own.uniform(0.01, 0.1, (steps, ROUTERS))
    phased = file.attrs["timing"] == "phased" and not file.attrs["oversubscribed"]
    file["derived/gate_seconds_per_token"] = own.uniform(1e-6, 2e-6, steps) if phased else np.full(steps, np.nan)


def _pairs(file, counts):
    """Of two choices a token; the first two experts go together."""
    others = counts[..., :, None] * counts[..., None, :] * ~np.eye(EXPERTS, dtype=bool)
    others[..., 0, 1], others[..., 1, 0] = 2 * others[..., 0, 1], 2 * others[..., 1, 0]
    pairs = others * 1024 // others.sum(axis=(-2, -1), keepdims=True) + counts[..., None] * np.eye(EXPERTS, dtype="i8")
    file["raw/expert_pairs"] = pairs.astype("u4")


def _evaluations(file, random):
    file["raw/eval/at_step"] = np.array([0, 5, 10])
    file["raw/eval/loss"] = np.array([[5.5], [4.6], [3.9]]) + random.normal(0, 0.1, (3, len(DOMAINS)))
    own = np.random.default_rng(13)
    shares = own.dirichlet(np.full(EXPERTS, 4), (3, len(DOMAINS), ROUTERS))
    counts = own.multinomial(4096, shares).astype("i8")
    file["raw/eval/expert_tokens"] = counts
    shares = counts / counts.sum(axis=-1, keepdims=True)
    file["derived/eval/domain_information"] = _entropy(shares.mean(axis=1)) - _entropy(shares).mean(axis=1)


def _summary(file, random, speed):
    """Headline numbers; those of times are NaN in phased and oversubscribed runs, as the program leaves them."""
    step = 0.2 / speed * random.uniform(0.97, 1.03)
    told = np.nan if file.attrs["timing"] == "phased" or file.attrs["oversubscribed"] else 1.0
    values = {"step_seconds": told * step, "tokens_per_second": told * 1024 / step, "tgs": told * 1024 / step / RANKS}
    for number, numerator in enumerate(NUMERATORS):
        values[f"mfu_measured_{numerator}"] = told * 0.02 * (number + 1) / step
        values[f"mfu_stated_{numerator}"] = np.nan
    values |= {"imbalance_expert": random.uniform(1.5, 2), "imbalance_rank": random.uniform(1.1, 1.4), "imbalance_node": 1.0}
    values["dropped_fraction"] = random.uniform(0, 0.2)
    for name, value in values.items():
        file[f"derived/summary/{name}"] = np.array([value, value, value * 0.99, value * 1.01, 8])


def _free(file):
    """A free run cannot tell waiting from transfer and has no phases."""
    file["raw/collective_wait_seconds"][...] = np.nan
    file["raw/phase_seconds"][...] = np.nan


def _merged(values, changes):
    """`changes`: dotted key -> value."""
    merged = json.loads(json.dumps(values))
    for key, value in changes.items():
        section, name = key.split(".")
        merged.setdefault(section, {})[name] = value
    return merged


def write_run(path, steps=STEPS, config=None, speed=1.0, **changes):
    """`config`: dotted keys; `speed`: of this launch; `changes`: attributes of the root, steps_done, and of /provenance."""
    resolved = _merged(CONFIG, {"train.timing": changes.get("timing", "phased")} | (config or {}))
    numbers = {section: values for section, values in resolved.items() if section != "checkpoint"}
    random = np.random.default_rng([7, *json.dumps(numbers).encode()])
    with h5py.File(path, "w") as file:
        for name, default in ROOT.items():
            file.attrs[name] = changes.pop(name, default)
        if "routing" in changes:  # earlier programs wrote none
            file.attrs["routing"] = changes.pop("routing")
        file["steps_done"] = changes.pop("steps_done", steps)
        facts = {"dirty": "false", "build_type": "Release", "threads_per_rank": "1", "commit": "abcdef0123"}
        file.create_group("provenance").attrs.update(facts | changes)
        file.create_group("config").attrs["resolved"] = json.dumps(resolved)
        _scales(file, steps)
        _steps(file, random, steps)
        if file.attrs["timing"] == "free":
            _free(file)
        _routing(file, random, steps)
        _evaluations(file, random)
        _summary(file, random, speed)
    return path


def write_arm(folder, name, launches=1, config=None, speed=1.0, **changes):
    """`launches` files of one configuration, each with its own repeat, made one after another."""
    paths = []
    for repeat in range(launches):
        own = (config or {}) | {"record.repeat": repeat, "checkpoint.path": f"{name}/{repeat}"}
        created = f"2026-01-01T00:{repeat:02}:00Z"
        paths.append(write_run(folder / f"{name}.{repeat}.h5", config=own, speed=speed, created=created, **changes))
    return paths


def study_of(paths, keys=None, sweep=None, labels=None):
    return Study(Launches(list(paths), labels or {}), keys, sweep)


def write_sweep(folder, cells, contrasts=(), question=""):
    """A sweep's results: `cells`: name -> (labels, varied configuration, redo_after, {attempt: speed of its finished run})."""
    entries = []
    for name, (labels, config, redo_after, attempts) in cells.items():
        varied = labels | {key: value for key, value in config.items() if key != "record.repeat"}
        entries.append({"name": name, "labels": labels, "varied": varied, "redo_after": redo_after, "planned": True})
        for number, speed in attempts.items():
            attempt = folder / "cells" / name / f"attempt_{number}"
            attempt.mkdir(parents=True)
            created = f"2026-01-01T00:{len(entries):02}:00Z"
            write_run(attempt / "run.h5", config=config, speed=speed, timing="free", created=created)
    (folder / "manifest.json").write_text(json.dumps({"cells": entries, "contrasts": list(contrasts), "question": question}))
    return folder
