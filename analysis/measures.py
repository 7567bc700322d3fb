"""One number of a launch, by name: what a comparison can be about. Each is read from the file; docs/definitions.md defines it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import decided_by
from run_file import BadRunFile

SUMMARIES = {
    "step_seconds": ("s", True),
    "tokens_per_second": ("token/s", True),
    "tgs": ("token/s", True),
    "joules": ("J", True),
    "joules_per_token": ("J/token", True),
    "dropped_fraction": ("", False),
    "imbalance_expert": ("", False),
    "imbalance_rank": ("", False),
    "imbalance_node": ("", False),
}
NUMERATORS = ("megatron_causal", "non_causal", "six_n_active", "six_n_total", "executed")


@dataclass(frozen=True)
class Measure:
    """`of(run)` is the number, in `unit`; a time is compared as a ratio and never read from an oversubscribed run."""

    name: str
    unit: str
    time: bool
    of: Callable

    @property
    def decided_by(self):
        return decided_by.of(self.name)


def _held_out_loss(run):
    """Mean over domains of the last evaluation."""
    _, loss = run.evaluations()
    if not len(loss):
        raise BadRunFile(f"{run.path}: no evaluation is complete.")
    return loss[-1].mean()


def _payload(run):
    return run.steady_mean("raw/collective_payload_bytes").sum()


def _memory(run):
    return run.over_steps("raw/memory_bytes").max()


def measure(name):
    own = {
        "held_out_loss": Measure("held_out_loss", "nat", False, _held_out_loss),
        "payload_bytes": Measure("payload_bytes", "B", False, _payload),
        "memory_bytes": Measure("memory_bytes", "B", False, _memory),
    }
    known = dict(SUMMARIES)
    known |= {f"mfu_{peak}_{numerator}": ("", True) for peak in ("stated", "measured") for numerator in NUMERATORS}
    if name in own:
        return own[name]
    if name not in known:
        raise BadRunFile(f"no measure {name}; known are {', '.join(sorted([*known, *own]))}.")
    unit, time = known[name]
    return Measure(name, unit, time, lambda run: np.nan if time and run.oversubscribed() else run.summary(name)[0])
