"""Max / mean load of experts over the steps: every router of one configuration, or the worst router of each of several."""

import numpy as np

import style
from decided_by import SEED
from table import Table

OF = "study"
MOST_COLOURS = 8
MEASURE = "derived/imbalance/experts/max_over_mean"


def table(study):
    curves = _routers(study.arms[0]) if len(study.arms) == 1 else {arm.label: _launches(arm).max(axis=1) for arm in study.arms}
    rows = [(curve, step, value) for curve, values in curves.items() for step, value in enumerate(values)]
    curve, step, value = zip(*rows, strict=True)
    title = "router by router" if len(study.arms) == 1 else "the worst router of each step"
    return Table(title + _of(study), curve=("", curve), step=("", step), max_over_mean=("", value))


def _of(study):
    launches = [len(arm.runs) for arm in study.arms]
    seeds = [len(arm.one_of_each_seed()) for arm in study.arms]
    return "" if max(launches) == 1 else f", {style.medians_of_seeds(seeds, launches)}"


def _launches(arm):
    """Median over seeds, [S, L]; to the last step that all launches did."""
    values = [run.over_steps(MEASURE) for run in arm.runs]
    return np.median(arm.of_samples([value[: min(map(len, values))] for value in values], SEED), axis=0)


def _routers(arm):
    return dict(zip(arm.runs[0].names("router"), _launches(arm).T, strict=True))


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    curves = table.distinct("curve")
    for number, curve in enumerate(curves):
        part = table.where(curve=curve)
        several = "worst" in table.title
        colour = style.arm(curve)[0] if several else style.CYCLE[number][0] if len(curves) <= MOST_COLOURS else "#999999"
        marker = {"marker": style.arm(curve)[1], "markevery": max(1, len(part) // 8)} if several else {}
        axes.plot(
            part["step"],
            part["max_over_mean"],
            color=colour,
            linewidth=0.8,
            label=style.told(curve, part["max_over_mean"]),
            **marker,
        )
    axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(xlabel="step", ylabel="max / mean load of experts")
    style.whole_steps(axes)
    axes.grid(axis="y")
    if len(curves) <= MOST_COLOURS:
        style.legend(axes)
    return figure
