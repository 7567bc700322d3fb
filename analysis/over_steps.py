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


def table(study, datasets, chosen=False):
    """`datasets`: name of a panel -> dataset [S, L]; `chosen`: only of arms whose gate chose."""
    arms = [arm for arm in study.routed_arms() if not (chosen and arm.forced())]
    if not arms:
        raise NotDrawn("the routing of every run is forced, so no gate was sure of its choice.")
    for run in study.runs:
        missing = [dataset for dataset in datasets.values() if not run.has(dataset)]
        if missing:
            raise NotDrawn(f"{run.path}: written before /{missing[0]} was recorded.")
    rows = [row for name, dataset in datasets.items() for row in _rows(study, arms, name, dataset)]
    if not any(np.isfinite(row[4]) for row in rows):
        raise NotDrawn(f"no {', '.join(datasets)} is a finite number.")
    names = ["of", "curve", "step", "low", "value", "high"]
    return Table(_title(study, arms), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _by_router(study):
    return len(study.arms) == 1 and len(study.runs[0].names("router")) <= looks.MOST_COLOURS


def _title(study, arms):
    steps = [run.steps_done for arm in arms for run in arm.runs]
    launches, seeds = [len(arm.runs) for arm in arms], [len(arm.one_of_each_seed()) for arm in arms]
    over = " and ".join(["window"] * (smoothing.window(max(steps)) > 1) + ["seeds"] * (max(seeds) > 1))
    parts = [ROUTERS if _by_router(study) else MEAN, smoothing.told(steps), style.medians_of_seeds(seeds, launches)]
    return "; ".join([*parts, *[f"bands: quartiles over {over}"] * bool(over)])


def _rows(study, arms, name, dataset):
    """To the last step that all launches of an arm did."""
    for arm in arms:
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


def draw(table, labels, shares=()):
    """`labels`: of the y axes, by panel; `shares`: the panels that have room above 0 even where all is 0."""
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
        axes.set_ylabel(labels[of])
        if of in shares and not np.nan_to_num(table.where(of=of)["high"]).any():
            axes.set_ylim(-0.05, 1)
        axes.grid(axis="y")
    panels[-1].set_xlabel("step")
    style.whole_steps(panels[-1])
    style.legend(panels[0])
    return figure
