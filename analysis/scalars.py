"""The numbers of each step and evaluation of a run under the names by which other programs see them; docs/watching_a_run.md
lists them. Nothing is computed but what docs/definitions.md makes of an array: its slowest rank, its sum, its mean."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NUMERATORS = ("megatron_causal", "non_causal", "six_n_active", "six_n_total", "executed")


def _as_it_is(values):
    return values


def _largest(values):
    return values.max(axis=1)


def _mean(values):
    return values.mean(axis=1)


def _of_all_ranks(values):
    return values.sum(axis=1)


def _of_all_exchanges(values):
    return values.sum(axis=(1, 2))


@dataclass(frozen=True)
class Source:
    """A dataset over steps -> [step], or where it has `labels`, a scale of the file, [step, label].

    `of`: the runs that may tell it, a time; None: all."""

    name: str
    dataset: str
    over: Callable = _as_it_is
    labels: str = ""
    of: str | None = None


SOURCES = (
    Source("train/loss", "raw/loss/cross_entropy"),
    Source("train/loss_total", "raw/loss/total"),
    Source("train/balance_loss", "raw/loss/balance", labels="router"),
    Source("train/gradient_norm", "raw/gradient_norm"),
    Source("train/learning_rate", "raw/learning_rate"),
    Source("train/tokens", "raw/tokens"),
    Source("train/warm_up", "raw/warm_up"),
    Source("throughput/tokens_per_second", "derived/tokens_per_second"),
    Source("throughput/tgs", "derived/tgs"),
    *(
        Source(f"mfu_{peak}/{numerator}", f"derived/mfu/{peak}/{numerator}")
        for peak in ("stated", "measured")
        for numerator in NUMERATORS
    ),
    Source("time/step_seconds", "raw/step_seconds", _largest, of="free"),
    Source("time/phase_seconds", "raw/phase_seconds", _mean, "phase", of="phased"),
    Source("imbalance/expert", "derived/imbalance/experts/max_over_mean", _mean),
    Source("imbalance/rank", "derived/imbalance/ranks/max_over_mean", _mean),
    Source("imbalance/node", "derived/imbalance/nodes/max_over_mean", _mean),
    Source("imbalance/expert", "derived/imbalance/experts/max_over_mean", labels="router"),
    Source("dropped_fraction", "derived/dropped_fraction", _mean),
    Source("payload_bytes", "raw/collective_payload_bytes", _of_all_exchanges),
    Source("payload_bytes", "raw/collective_payload_bytes", _of_all_ranks, "collective"),
    Source("memory_bytes", "raw/memory_bytes", _largest),
)


def of_steps(run):
    """name -> [step]; step n of train.steps is row n - 1. What the file lacks or never tells is left out."""
    timing = None if run.oversubscribed() else "phased" if run.phased() else "free"
    columns = {}
    for source in SOURCES:
        if run.has(source.dataset) and source.of in (None, timing):
            columns |= _columns(run, source)
    return {name: values for name, values in columns.items() if not np.isnan(values).all()}


def _columns(run, source):
    values = source.over(_told(run.over_steps(source.dataset)))
    if not source.labels:
        return {source.name: values}
    return {f"{source.name}/{label}": column for label, column in zip(run.names(source.labels), values.T, strict=True)}


def _told(values):
    """-1 in whole numbers is what was never written."""
    return np.where(values == -1, np.nan, values) if values.dtype.kind == "i" else values.astype(float)


def of_evaluations(run):
    """(steps done [V], name -> [V])"""
    at_step, loss = run.evaluations()
    return at_step, {f"eval/loss/{domain}": column for domain, column in zip(run.names("domain"), loss.T, strict=True)}


def rows(run):
    """step -> {name: number}, by growing step; a step counts as done, so evaluations before training stand at 0."""
    found = {}
    for steps, columns in ((np.arange(run.steps_done) + 1, of_steps(run)), of_evaluations(run)):
        for name, values in columns.items():
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                found.setdefault(step, {})[name] = value
    return dict(sorted(found.items()))
