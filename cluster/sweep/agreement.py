"""Cells with one computation_key must agree in numbers, whatever their layout, dispatcher, threads or repeat.

Repeats of the same settings on the same build, whether free or phased: bit for bit. Otherwise, in double: decisions of every
step, the loss of the first step to 1e-12 and of all steps to 1e-9, since each update carries rounding on. In float: the loss of
the first step to 1e-5, before any update has carried rounding into a decision."""

import json
from dataclasses import dataclass

import numpy as np

FIRST_STEP = {"float64": 1e-12, "float32": 1e-5}
LATER_STEPS = 1e-9  # in double
NEITHER = ("train.timing", "record.repeat", "record.site", "checkpoint.every", "checkpoint.keep")


@dataclass
class Numbers:
    cell: str
    identity: str  # settings but for the timing, and threads: equal ones are repeats
    dtype: str
    loss: np.ndarray  # [S]
    counts: np.ndarray  # [S, L, E] choices of each expert


def of(cell, run):
    settings = {key: value for key, value in cell.settings.items() if key not in NEITHER}
    identity = json.dumps([settings, cell.threads, run.provenance("commit")], sort_keys=True)
    loss = run.over_steps("raw/loss/total")
    return Numbers(cell.name, identity, run.config["train.dtype"], loss, run.over_steps("raw/expert_tokens_routed"))


def _relative(a, b):
    """Largest difference; infinite where one is no number."""
    difference = np.abs(a - b) / np.maximum(np.abs(a), np.finfo(float).tiny)
    return float(difference.max()) if np.isfinite(difference).all() else np.inf


def difference(one, other):
    """A sentence where the two disagree, else empty."""
    if one.loss.shape != other.loss.shape or one.counts.shape != other.counts.shape:
        return f"{one.cell} has {one.loss.size} steps, {other.cell} has {other.loss.size}"
    pair = f"{one.cell} and {other.cell}"
    first, all_steps = _relative(one.loss[:1], other.loss[:1]), _relative(one.loss, other.loss)
    same_counts = np.array_equal(one.counts, other.counts)
    if one.identity == other.identity:
        return (
            ""
            if all_steps == 0 and same_counts
            else f"{pair} are repeats and differ: relative difference of the loss {all_steps:.1e}"
        )
    if not first <= FIRST_STEP[one.dtype]:
        return f"{pair}: the losses of the first step differ by {first:.1e}, more than {FIRST_STEP[one.dtype]:.0e}"
    if one.dtype == "float64" and not same_counts:
        return f"{pair}: the experts' choices differ"
    if one.dtype == "float64" and not all_steps <= LATER_STEPS:
        return f"{pair}: the losses differ by {all_steps:.1e}, more than {LATER_STEPS:.0e}"
    return ""


def check(groups):
    """Sentences about cells that disagree; `groups`: {computation_key: [Numbers]}.

    A repeat is compared with the first of its kind, any other cell with the first of all."""
    found = []
    for group in groups.values():
        first_of = {}
        for numbers in group:
            repeated = first_of.setdefault(numbers.identity, numbers)
            if repeated is not numbers:
                found.append(difference(repeated, numbers))
            elif numbers is not group[0]:
                found.append(difference(group[0], numbers))
    return [sentence for sentence in found if sentence]
