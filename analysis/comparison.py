"""Medians of an arm, and the effect of one arm against another."""

from dataclasses import dataclass

import numpy as np

import launch_statistics
from launch_statistics import Estimate


def across(arm, measure, decided_by):
    """Median over the samples of an arm and its interval; `measure(run)` is one number of a launch."""
    return median_of(arm.of_samples([measure(run) for run in arm.runs], decided_by))


def median_of(values):
    """Of samples; no number where any of them has none, since a median over those that went well would flatter."""
    return launch_statistics.median(values) if np.isfinite(values).all() else Estimate(np.nan, np.nan, np.nan, len(values))


def untold(arm, decided_by):
    """In place of `across` where a number would say nothing of this arm."""
    return median_of(np.full(len(arm.samples(decided_by)), np.nan))


@dataclass(frozen=True)
class Effect:
    """Of `second` over (a ratio) or beside (a difference) `first`; `paired` where samples share seed (and repeat)."""

    estimate: Estimate
    paired: bool
    ratio: bool

    def none(self):
        return 1.0 if self.ratio else 0.0

    def magnitude(self):
        value = self.estimate.value
        return max(value, 1 / value) - 1 if self.ratio else abs(value)


def compare(first, second, measure, in_order=False, ratio=None):
    """The effect of `second` against `first`, in pairs where _paired finds them; of times as a ratio, of others where `ratio`."""
    ratio = measure.time if ratio is None else ratio
    one, other = _paired(first.samples(measure.decided_by), second.samples(measure.decided_by), in_order)
    a, b = (arm.of_samples([measure.of_or_nan(run) for run in arm.runs], measure.decided_by) for arm in (first, second))
    a, b = (a[one], b[other]) if one else (a, b)
    if ratio:
        with np.errstate(divide="ignore", invalid="ignore"):  # what has no logarithm is told below
            a, b = np.log(a), np.log(b)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        estimate = Estimate(np.nan, np.nan, np.nan, min(len(a), len(b)))
    else:
        estimate = launch_statistics.paired_effect(b - a) if one else launch_statistics.unpaired_effect(a, b)
    return Effect(launch_statistics.as_ratio(estimate) if ratio else estimate, bool(one), ratio)


def _paired(one, other, in_order):
    """Places of equal samples of two arms, where all or at least six have a partner; `in_order`: as they were made."""
    if in_order:
        both = [*range(min(len(one), len(other)))]
        return both, both
    distinct = all(len(set(samples)) == len(samples) for samples in (one, other))
    common = [sample for sample in one if distinct and sample in other]
    if len(common) < launch_statistics.FEWEST_LAUNCHES and set(one) != set(other):
        common = []
    return [one.index(sample) for sample in common], [other.index(sample) for sample in common]
