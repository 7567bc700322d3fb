"""One number of a launch, by name: what a comparison can be about. Each is read from the file, or is another scale of what is;
docs/definitions.md, "Measures of a comparison", defines it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

import decided_by
from run_file import BadRunFile

# Of /derived/summary: unit, whether it is a time, whether more is better.
SUMMARIES = {
    "step_seconds": ("s", True, False),
    "tokens_per_second": ("token/s", True, True),
    "tgs": ("token/s", True, True),
    "joules": ("J", True, False),
    "joules_per_token": ("J/token", True, False),
    "dropped_fraction": ("", False, False),
    "imbalance_expert": ("", False, False),
    "imbalance_rank": ("", False, False),
    "imbalance_node": ("", False, False),
}
NUMERATORS = ("megatron_causal", "non_causal", "six_n_active", "six_n_total", "executed")
PEAKS = ("stated", "measured")
AXES = ("tp", "ep", "etp", "expert_block", "edp", "dp", "stage", "world")  # docs/architecture.md, "layout"
SUMMARIES |= {f"mfu_{peak}_{numerator}": ("", True, True) for peak in PEAKS for numerator in NUMERATORS}


class NoNumber(BadRunFile):
    """The file is good and has no such number."""


@dataclass(frozen=True)
class Measure:
    """`of(run)` is the number, in `unit`; a time is compared as a ratio and never read from an oversubscribed run."""

    name: str
    unit: str
    time: bool
    of: Callable
    more_is_better: bool = False

    @property
    def decided_by(self):
        return decided_by.of(self.name)

    def of_or_nan(self, run):
        try:
            return self.of(run)
        except NoNumber:
            return math.nan


def _held_out_loss(run):
    """Mean over domains of the last evaluation."""
    _, loss = run.evaluations()
    if not len(loss):
        raise NoNumber(f"{run.path}: no evaluation is complete.")
    return loss[-1].mean()


def _bits_per_byte(run):
    return _held_out_loss(run) / math.log(2)  # a token of the byte tokenizer, the only one, is a byte


def _perplexity(run):
    with np.errstate(over="ignore"):
        return np.exp(_held_out_loss(run))


def _payload(run, axis=None):
    payload = run.steady_mean("raw/collective_payload_bytes").sum(axis=0)
    return payload.sum() if axis is None else payload[np.array(run.names("provenance/collective_axis"), str) == axis].sum()


def _payload_per_token(run, axis=None):
    return _payload(run, axis) / run.steady_mean("raw/tokens")


def _memory(run):
    return run.over_steps("raw/memory_bytes").max()


def _mean_of(dataset, times=False):
    """Mean over the steps that count, and over routers where there is one number for each."""

    def of(run):
        if not run.has(dataset):
            raise NoNumber(f"{run.path}: an earlier version wrote this file, without /{dataset}.")
        return run.steady_mean(dataset, times).mean()

    return of


def _busiest_rank_rows(run):
    """Of a step, sum over routers: the ranks wait for each other at every router."""
    if not run.has("raw/rank_rows"):
        raise NoNumber(f"{run.path}: an earlier version wrote this file, without /raw/rank_rows.")
    return run.steady("raw/rank_rows").max(axis=2).sum(axis=1).mean()


def _wait(run):
    return run.steady_mean("raw/collective_wait_seconds", times=True).sum(axis=1).mean()


# Unit, whether it is a time, whether more is better, the number.
OWN = {
    "held_out_loss": ("nat", False, False, _held_out_loss),
    "perplexity": ("", False, False, _perplexity),
    "bits_per_byte": ("bit", False, False, _bits_per_byte),
    "payload_bytes": ("B", False, False, _payload),
    "payload_bytes_per_token": ("B", False, False, _payload_per_token),
    "memory_bytes": ("B", False, False, _memory),
    "busiest_rank_rows": ("row", False, False, _busiest_rank_rows),
    "wait_seconds": ("s", True, False, _wait),
    "gate_seconds_per_token": ("s/token", True, False, _mean_of("derived/gate_seconds_per_token", times=True)),
    "balance_loss": ("nat", False, False, _mean_of("raw/loss/balance")),
    "dead_fraction": ("", False, False, _mean_of("derived/imbalance/experts/dead_fraction")),
    "routing_entropy": ("", False, True, _mean_of("derived/imbalance/experts/normalized_entropy")),
    "load_drift": ("", False, False, _mean_of("derived/load_drift")),
    "top_probability": ("", False, False, _mean_of("raw/confidence/top_probability")),
}
OF_HELD_OUT_TEXT = ("held_out_loss", "perplexity", "bits_per_byte")
OF_ROUTING = ("dropped_fraction", "imbalance_expert", "imbalance_rank", "imbalance_node", "dead_fraction", "routing_entropy")
OF_AN_AXIS = {f"payload_bytes_per_token/{axis}": axis for axis in AXES}


def _unless_crowded(of):
    """No time is read from an oversubscribed run."""
    return lambda run: math.nan if run.oversubscribed() else of(run)


def names():
    return sorted([*SUMMARIES, *OWN, *OF_AN_AXIS])


def measure(name):
    """Raises BadRunFile with the nearest name for one that is not known."""
    if name in OWN:
        unit, time, more_is_better, of = OWN[name]
        return Measure(name, unit, time, _unless_crowded(of) if time else of, more_is_better)
    if name in OF_AN_AXIS:
        return Measure(name, "B", False, lambda run: _payload_per_token(run, OF_AN_AXIS[name]))
    if name not in SUMMARIES:
        near = get_close_matches(name, names(), 1)
        raise BadRunFile(f"no measure {name}; {f'is {near[0]} meant? ' if near else ''}Known are {', '.join(names())}.")
    unit, time, more_is_better = SUMMARIES[name]

    def of(run):
        if not run.has(f"derived/summary/{name}"):
            raise NoNumber(f"{run.path}: an earlier version wrote this file, without {name}.")
        return np.nan if time and run.oversubscribed() else run.summary(name)[0]

    return Measure(name, unit, time, of, more_is_better)
