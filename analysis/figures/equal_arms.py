"""A/A: arms of one configuration, launched separately. What differs here is made by chance; and how often it is claimed."""

import numpy as np

import effects
import launch_statistics
import style
from claims import Comparison
from measures import measure
from run_file import NotDrawn

OF = "comparison"
MEASURE = "tokens_per_second"


def table(study):
    able = study.free_arms()
    pairs = [(first, second) for first, second in study.equal_arms() if first in able and second in able]
    if not pairs:
        raise NotDrawn("no two arms have one configuration (an A/A pair).")
    comparisons = [Comparison(f"{first.label} / {second.label}", measure(MEASURE), first, second) for first, second in pairs]
    return effects.table(comparisons, _rate(pairs), in_order=True)


def _rate(pairs):
    logs = [[_logs(arm) for arm in pair] for pair in pairs]
    finite = [pair for pair in logs if all(np.isfinite(one).all() for one in pair)]
    rates = [launch_statistics.false_difference_rate(*pair) for pair in finite]
    blocks = sum(rate.n for rate in rates)
    if not blocks:
        return "fewer than six pairs of equal launches: no rate of false differences"
    rate = launch_statistics.share(sum(round(rate.value * rate.n) for rate in rates if rate.n), blocks)
    return (
        f"false differences: {rate.value:.1%} of {blocks} blocks of six pairs (95 % interval {rate.low:.1%} to {rate.high:.1%})"
    )


def _logs(arm):
    return np.log([measure(MEASURE).of(run) for run in arm.runs])


def draw(table):
    figure = style.new_figure(style.COLUMN, 1.2 + 0.25 * len(table))
    effects.draw(figure.subplots(), table, "ratio of tokens per second")
    return figure
