"""Statistics against published tables and examples, and against enumeration by hand."""

import itertools
import math

import numpy as np
import pytest

import launch_statistics as statistics


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [(6, 1, 6), (7, 1, 7), (8, 1, 8), (9, 2, 8), (10, 2, 9), (15, 4, 12), (20, 6, 15), (30, 10, 21), (50, 18, 33)],
)
def test_the_interval_of_a_median_lies_between_the_published_ranks(n, low, high):
    """Le Boudec, "Performance Evaluation of Computer and Communication Systems", table A.1, the symmetric ranks."""
    shuffled = np.random.default_rng(1).permutation(np.arange(1, n + 1))
    estimate = statistics.median(shuffled)
    assert (estimate.low, estimate.high, estimate.n) == (low, high, n)
    assert estimate.value == (n + 1) / 2


def test_below_six_launches_there_is_a_median_and_no_interval():
    estimate = statistics.median([3, 1, 2, 5, 4])
    assert estimate.value == 3 and estimate.n == 5
    assert math.isnan(estimate.low) and math.isnan(estimate.high)
    assert math.isnan(statistics.paired_effect([1, 2, 3, 4, 5]).low)
    assert math.isnan(statistics.unpaired_effect([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7, 8]).low)


@pytest.mark.parametrize(("n", "critical"), [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13), (15, 25), (20, 52)])
def test_signed_ranks_have_the_published_critical_values(n, critical):
    """Wilcoxon's table, two-sided 5 %; with n different numbers the interval starts at the (critical + 1)-th Walsh average."""
    differences = 2.0 ** np.arange(n)
    walsh = np.sort([(a + b) / 2 for a, b in itertools.combinations_with_replacement(differences, 2)])
    estimate = statistics.paired_effect(differences)
    assert (estimate.low, estimate.high) == (walsh[critical], walsh[-critical - 1])


@pytest.mark.parametrize(("m", "n", "critical"), [(6, 6, 5), (6, 10, 11), (7, 7, 8), (8, 8, 13), (10, 10, 23)])
def test_rank_sums_have_the_published_critical_values(m, n, critical):
    """Mann and Whitney's U, two-sided 5 %."""
    first, second = np.arange(m) * 1000.0, 3.0 ** np.arange(n)
    shifts = np.sort((second[:, None] - first).ravel())
    estimate = statistics.unpaired_effect(first, second)
    assert (estimate.low, estimate.high) == (shifts[critical], shifts[-critical - 1])


def test_paired_effect_of_the_depression_scale_data():
    """Hollander and Wolfe, example 3.1: estimate 0.46, interval 0.010 to 0.786, one-sided p 5/256 (0.0195)."""
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    effect = statistics.paired_effect(before - after)
    assert (effect.value, effect.low, effect.high) == pytest.approx((0.46, 0.010, 0.786), abs=1e-12)
    assert effect.p == 2 * 10 / 512
    assert effect.n == 9


def test_unpaired_effect_of_the_permeability_data():
    """Hollander and Wolfe, example 4.1: estimate 0.305, one-sided p 0.1272."""
    at_term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    earlier = [1.15, 0.88, 0.90, 0.74, 1.21]
    effect = statistics.unpaired_effect(earlier, at_term)
    assert effect.value == pytest.approx(0.305, abs=1e-12)
    assert effect.p == pytest.approx(2 * 0.1272, abs=2e-4)


def test_p_values_with_ties_and_zeros_are_those_of_all_sign_patterns():
    differences = np.array([2.0, -1, 2, 0, 3, 3, 1])
    ranks = np.array([3.5, 1.5, 3.5, 5.5, 5.5, 1.5])
    observed = ranks.sum() - 1.5
    sums = [sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign) for signs in itertools.product([0, 1], repeat=6)]
    expected = 2 * np.mean([value >= observed for value in sums])
    assert statistics.paired_effect(differences).p == expected


def test_equal_launches_have_no_effect_and_no_claim():
    effect = statistics.paired_effect(np.zeros(8))
    assert (effect.value, effect.low, effect.high, effect.p) == (0, 0, 0, 1)
    assert not statistics.differs(effect, effect.p)
    assert statistics.unpaired_effect(np.ones(6), np.ones(6)).p == 1


def test_six_pairs_of_one_sign_are_the_smallest_claim():
    effect = statistics.paired_effect([1, 2, 3, 4, 5, 6])
    assert effect.p == 2 / 64
    assert (effect.low, effect.high) == (1, 6)
    assert statistics.differs(effect, effect.p)
    assert not statistics.differs(effect, statistics.holm([effect.p, 0.5])[0])
    assert not statistics.differs(statistics.paired_effect([-1, 2, 3, 4, 5, 6]), 0.01)


def test_a_ratio_is_the_effect_on_logarithms():
    ratio = statistics.as_ratio(statistics.paired_effect(np.log([2, 2, 2, 2, 2, 4])))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 4))


def test_holm_by_hand():
    np.testing.assert_allclose(statistics.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(statistics.holm([0.5, 0.9]), [1, 1])
    assert len(statistics.holm([])) == 0


@pytest.mark.parametrize(("contrasts", "pairs"), [(1, 6), (2, 7), (3, 7), (4, 8), (5, 8), (6, 8), (7, 9)])
def test_pairs_needed_let_the_smallest_p_value_pass_holm(contrasts, pairs):
    assert statistics.pairs_needed(contrasts) == pairs
    assert contrasts * 2 / 2**pairs <= 0.05
    assert contrasts == 1 or contrasts * 2 / 2 ** (pairs - 1) > 0.05


def test_shares_have_clopper_and_pearsons_interval():
    """0 of 10 up to 0.3085 and 1 of 10 from 0.0025 to 0.4450: the published values."""
    none, one, every = statistics.share(0, 10), statistics.share(1, 10), statistics.share(10, 10)
    assert (none.low, none.high) == (0, pytest.approx(0.3085, abs=5e-5))
    assert (one.low, one.high) == (pytest.approx(0.0025, abs=5e-5), pytest.approx(0.4450, abs=5e-5))
    assert (every.low, every.high) == (pytest.approx(0.6915, abs=5e-5), 1)


def test_false_differences_are_counted_in_blocks_of_six_pairs():
    base = np.zeros(18)
    drifting = np.concatenate([[1, 2, 3, 4, 5, 6], [1, -2, 3, -4, 5, -6], [1, -1, 1, -1, 1, -1]])
    rate = statistics.false_difference_rate(base, drifting)
    assert (rate.value, rate.n) == (1 / 3, 3)
    assert statistics.false_difference_rate(base[:5], drifting[:5]).n == 0


def test_claims_on_equal_arms_are_as_rare_as_promised():
    random = np.random.default_rng(3)
    noise = np.exp(random.normal(0, 0.2, (2, 3000 * 8))).reshape(2, -1, 8)
    claims = [statistics.paired_effect(np.log(b / a)) for a, b in zip(*noise, strict=True)][:600]
    assert np.mean([statistics.differs(effect, effect.p) for effect in claims]) < 0.07


def test_a_launch_without_a_value_is_refused():
    for function in (statistics.median, statistics.paired_effect):
        with pytest.raises(ValueError, match="without a value"):
            function([1, 2, math.nan, 4, 5, 6])
