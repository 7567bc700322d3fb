"""Load of the busiest expert over an even share, over the steps: each router of one configuration, or the worst router of each
of several."""

import numpy as np

import looks
import smoothing
import style
from decided_by import SEED
from table import Table

OF = "study"
ROUTERS = "router by router"
MEASURE = "derived/imbalance/experts/max_over_mean"


def table(study):
    alone = len(study.arms) == 1
    arms = study.routed_arms()
    curves = _routers(arms[0]) if alone else {arm.label: _of_seeds(arm).max(axis=2) for arm in arms}
    rows = [row for curve, values in curves.items() for row in _rows(curve, values)]
    curve, step, low, value, high = zip(*rows, strict=True)
    columns = {"low": ("", low), "max_over_mean": ("", value), "high": ("", high)}
    return Table(_title(arms, alone), curve=("", curve), step=("", step), **columns)


def _title(arms, alone):
    steps = [run.steps_done for arm in arms for run in arm.runs]
    launches, seeds = [len(arm.runs) for arm in arms], [len(arm.one_of_each_seed()) for arm in arms]
    many = alone and len(arms[0].runs[0].names("router")) > looks.MOST_COLOURS
    of = "all routers" if many else ROUTERS if alone else "the worst router of each step"
    parts = [of, smoothing.told(steps)]
    parts += [style.medians_of_seeds(seeds, launches)] if max(launches) > 1 else []
    over = " and ".join(["window"] * (smoothing.window(max(steps)) > 1) + ["seeds"] * (max(seeds) > 1))
    return "; ".join([*parts, *[f"bands: quartiles over {over}"] * bool(over), "1: all experts alike"])


def _of_seeds(arm):
    """[seed, S, L]; to the last step that all launches did."""
    values = [run.over_steps(MEASURE) for run in arm.runs]
    return arm.of_samples([value[: min(map(len, values))] for value in values], SEED)


def _routers(arm):
    """Each of a few, or the middle and the worst of many."""
    values, names = _of_seeds(arm), arm.runs[0].names("router")
    if len(names) <= looks.MOST_COLOURS:
        return dict(zip(names, np.moveaxis(values, 2, 0), strict=True))
    with np.errstate(invalid="ignore"):
        middle = np.median(values, axis=2)
    return {f"worst of {len(names)} routers": values.max(axis=2), f"median of {len(names)} routers": middle}


def _rows(curve, values):
    places, (low, middle, high) = smoothing.running(values)
    return zip([curve] * len(places), places.tolist(), low, middle, high, strict=True)


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    curves = table.distinct("curve")
    routers = table.title.startswith((ROUTERS, "all routers"))
    for number, curve in enumerate(curves):
        part = table.where(curve=curve)
        look = looks.of_many(number, len(curves)) if routers else style.arm(curve)
        band = (part["low"], part["high"])
        style.curve(axes, part["step"], part["max_over_mean"], curve, look, number, len(curves), band)
    axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(xlabel="step", ylabel="load of the busiest expert\n(max / mean)")
    style.whole_steps(axes)
    axes.grid(axis="y")
    style.legend(axes)
    return figure
