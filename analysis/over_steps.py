"""Numbers of routers over the steps, in panels one below the other: each router of one configuration, or the mean of the routers
of each of several."""

import numpy as np

import looks
import smoothing
import style
from decided_by import SEED
from run_file import NotDrawn
from table import Table

PANEL = 1.25  # inches
ROUTERS, MEAN = "router by router", "mean of the routers"


def table(study, datasets):
    """`datasets`: name of a panel -> dataset [S, L]."""
    for run in study.runs:
        missing = [dataset for dataset in datasets.values() if not run.has(dataset)]
        if missing:
            raise NotDrawn(f"{run.path}: written before /{missing[0]} was recorded.")
    rows = [row for name, dataset in datasets.items() for row in _rows(study, name, dataset)]
    if not any(np.isfinite(row[4]) for row in rows):
        raise NotDrawn(f"no {', '.join(datasets)} is a finite number.")
    names = ["of", "curve", "step", "low", "value", "high"]
    return Table(_title(study), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _by_router(study):
    return len(study.arms) == 1 and len(study.runs[0].names("router")) <= looks.MOST_COLOURS


def _title(study):
    steps = [run.steps_done for run in study.runs]
    launches, seeds = [len(arm.runs) for arm in study.arms], [len(arm.one_of_each_seed()) for arm in study.arms]
    over = " and ".join(["window"] * (smoothing.window(max(steps)) > 1) + ["seeds"] * (max(seeds) > 1))
    parts = [ROUTERS if _by_router(study) else MEAN, smoothing.told(steps), style.medians_of_seeds(seeds, launches)]
    return "; ".join([*parts, *[f"bands: quartiles over {over}"] * bool(over)])


def _rows(study, name, dataset):
    """To the last step that all launches of an arm did."""
    for arm in study.arms:
        values = [run.over_steps(dataset) for run in arm.runs]
        samples = arm.of_samples([value[: min(map(len, values))] for value in values], SEED)  # [sample, S, L]
        if _by_router(study):
            curves = zip(arm.runs[0].names("router"), np.moveaxis(samples, 2, 0), strict=True)
        else:
            with np.errstate(invalid="ignore"):  # a mean over +inf and -inf is NaN
                curves = [(arm.label, samples.mean(axis=2))]
        for curve, of_curve in curves:
            places, quartiles = smoothing.running(of_curve)
            yield from ((name, curve, step, *three) for step, three in zip(places.tolist(), quartiles.T, strict=True))


def draw(table, labels, limits=None):
    """`labels`: of the y axes, by panel; `limits`: of some."""
    shown = [of for of in labels if np.isfinite(table.where(of=of)["value"]).any()]
    figure = style.new_figure(style.COLUMN, 0.4 + PANEL * len(shown))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    curves = table.distinct("curve")
    by_router = table.title.startswith(ROUTERS)
    for axes, of in zip(panels, shown, strict=True):
        for number, curve in enumerate(curves):
            part = table.where(of=of, curve=curve)
            look = looks.of_many(number, len(curves)) if by_router else style.arm(curve)
            style.curve(axes, part["step"], part["value"], curve, look, number, len(curves), (part["low"], part["high"]))
        axes.set(ylabel=labels[of], ylim=(limits or {}).get(of))
        axes.grid(axis="y")
    panels[-1].set_xlabel("step")
    style.whole_steps(panels[-1])
    style.legend(panels[0])
    return figure
