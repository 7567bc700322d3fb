"""What may be said of launches: medians, effects and claims with their 95 % intervals. The unit is the launch,
or the seed of what a seed decides (decided_by.py).

Rules of Hoefler and Belli, "Scientific Benchmarking of Parallel Computing Systems" (SC'15): rank-based intervals, no normality, n
stated. Effects are Hodges-Lehmann estimates with the interval of their rank test (Hollander and Wolfe, "Nonparametric Statistical
Methods": signed ranks for pairs, rank sums without). Both assume independent launches, signed ranks also that differences are
symmetric about the effect. All distributions are exact."""

import functools
import math
from dataclasses import dataclass

import numpy as np

ERROR_RATE = 0.05  # two-sided, of each interval and of a family of contrasts
FEWEST_LAUNCHES = 6  # below, no rank-based 95 % interval of a median exists


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval (NaN where n is too small for one), the n behind it and the p-value of "no effect"."""

    value: float
    low: float
    high: float
    n: int
    p: float = math.nan


def _tail_rank(counts, total):
    """The largest k with P(statistic < k) <= 2.5 %, for a statistic whose value i has counts[i] of `total` cases."""
    at_most = np.cumsum([int(count) for count in counts], dtype=object)
    return sum(2 * cases <= ERROR_RATE * total for cases in at_most)


def _between(ordered, rank):
    """The rank-th smallest and the rank-th largest."""
    return (float(ordered[rank - 1]), float(ordered[-rank])) if rank > 0 else (math.nan, math.nan)


def _finite(values):
    values = np.asarray(values, float)
    if not np.isfinite(values).all():
        raise ValueError("a launch without a value cannot enter a statistic")
    return values


def median(values):
    """Median of launches and its interval between two of them (Conover, "Practical Nonparametric Statistics")."""
    ordered = np.sort(_finite(values))
    n = len(ordered)
    low, high = _between(ordered, _tail_rank([math.comb(n, k) for k in range(n + 1)], 2**n)) if n else (math.nan, math.nan)
    return Estimate(float(np.median(ordered)) if n else math.nan, low, high, n)


@functools.lru_cache(1000)
def _signed_rank_counts(doubled_ranks):
    """(doubled ranks, sorted) -> how many of the sign patterns give each value of the sum of the (doubled) positive ranks."""
    counts = np.zeros(sum(doubled_ranks) + 1, dtype=object)
    counts[0] = 1
    for rank in doubled_ranks:
        counts[rank:] = counts[rank:] + counts[: len(counts) - rank]
    return counts


def _doubled_midranks(values):
    below = (values[:, None] > values).sum(axis=1)
    equal = (values[:, None] == values).sum(axis=1)
    return [int(rank) for rank in 2 * below + equal + 1]


def _two_sided(counts, statistic):
    cases = sum(counts)
    tail = min(sum(counts[: statistic + 1]), sum(counts[statistic:]))
    return min(1.0, float(2 * tail / cases))


def paired_effect(differences):
    """Hodges-Lehmann estimate of the differences within pairs; interval and p of signed ranks (p without zeros)."""
    differences = _finite(differences)
    n = len(differences)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    walsh = np.sort([(differences[i] + differences[j]) / 2 for i in range(n) for j in range(i, n)])
    rank = _tail_rank(_signed_rank_counts(tuple(range(1, n + 1))), 2**n)
    moved = differences[differences != 0]
    ranks = _doubled_midranks(np.abs(moved))
    positive = sum(rank for rank, difference in zip(ranks, moved, strict=True) if difference > 0)
    return Estimate(
        float(np.median(walsh)), *_between(walsh, rank), n, _two_sided(_signed_rank_counts(tuple(sorted(ranks))), positive)
    )


@functools.lru_cache(1000)
def _rank_sum_counts(doubled_ranks, chosen):
    """(doubled ranks, sorted) -> how many choices of `chosen` of the (doubled) ranks give each sum."""
    counts = np.zeros((chosen + 1, sum(doubled_ranks) + 1), dtype=object)
    counts[0, 0] = 1
    for rank in doubled_ranks:
        for taken in range(chosen, 0, -1):
            counts[taken, rank:] = counts[taken, rank:] + counts[taken - 1, : counts.shape[1] - rank]
    return counts[chosen]


def unpaired_effect(first, second):
    """Hodges-Lehmann estimate of second - first, launches not paired; interval and p of the rank sum (Mann-Whitney)."""
    first, second = _finite(first), _finite(second)
    m, n = len(first), len(second)
    if m == 0 or n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    shifts = np.sort((second[:, None] - first).ravel())
    smallest = n * (n + 1) // 2
    untied = _rank_sum_counts(tuple(range(1, m + n + 1)), n)[smallest : smallest + m * n + 1]
    few = min(m, n) < FEWEST_LAUNCHES
    rank = 0 if few else _tail_rank(untied, math.comb(m + n, n))
    ranks = _doubled_midranks(np.concatenate([first, second]))
    p = _two_sided(_rank_sum_counts(tuple(sorted(ranks)), n), sum(ranks[m:]))
    return Estimate(float(np.median(shifts)), *_between(shifts, rank), min(m, n), p)


def as_ratio(effect):
    """An effect on logarithms as a ratio."""
    return Estimate(*(math.exp(number) for number in (effect.value, effect.low, effect.high)), effect.n, effect.p)


def holm(p_values):
    """Holm's step-down adjustment: a family of contrasts then errs in one or more of them with at most 5 %."""
    order = np.argsort(p_values, kind="stable")
    adjusted, largest = np.empty(len(order)), 0.0
    for place, contrast in enumerate(order):
        largest = max(largest, (len(order) - place) * p_values[contrast])
        adjusted[contrast] = min(1.0, largest)
    return adjusted


def pairs_needed(contrasts):
    """Pairs of launches below which no outcome whatever could be claimed for the first of so many contrasts."""
    return max(FEWEST_LAUNCHES, math.ceil(math.log2(2 * contrasts / ERROR_RATE)))


def differs(effect, adjusted_p, none=0.0):
    """Whether a difference may be claimed: the interval exists and leaves out `none`, and the adjusted p-value agrees."""
    return bool((effect.low > none or effect.high < none) and adjusted_p <= ERROR_RATE)


def share(successes, trials):
    """A share with its exact interval (Clopper and Pearson, Biometrika 26, 1934)."""
    low = 0.0 if successes == 0 else _solve(lambda q: 1 - _binomial_at_most(successes - 1, trials, q))
    high = 1.0 if successes == trials else _solve(lambda q: 1 - _binomial_at_most(successes, trials, q), 1 - ERROR_RATE / 2)
    return Estimate(successes / trials if trials else math.nan, low, high, trials)


def _binomial_at_most(k, n, q):
    taken = np.arange(k + 1)
    chosen = np.concatenate([[0], np.cumsum(np.log(n - taken[:-1]) - np.log(taken[1:]))])  # log of n over i; itself overflows
    return float(np.exp(chosen + taken * math.log(q) + (n - taken) * math.log1p(-q)).sum())


def _solve(growing, target=ERROR_RATE / 2):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if growing(middle) < target else (low, middle)
    return (low + high) / 2


def false_difference_rate(first, second):
    """Of an A/A pair (launches of one configuration, alternating): the share of blocks of six pairs that claim a difference."""
    first, second = _finite(first), _finite(second)
    starts = range(0, min(len(first), len(second)) - FEWEST_LAUNCHES + 1, FEWEST_LAUNCHES)
    blocks = [paired_effect((second - first)[start : start + FEWEST_LAUNCHES]) for start in starts]
    return share(sum(differs(block, block.p) for block in blocks), len(blocks))
