"""How evenly routers spread their choices over the steps: entropy of the experts' shares, 1 where all are alike and 0 where one
has all; the mean of the routers and the lowest of them."""

import numpy as np

import style
from decided_by import SEED
from run_file import NotDrawn
from table import Table

OF = "study"
MEASURE = "derived/imbalance/experts/normalized_entropy"
MEAN, LOWEST = "mean of routers", "lowest router"
POINTS = 40  # windows along the axis; of a run with fewer than twice as many steps each step is drawn as it is


def table(study):
    for run in study.runs:
        if not run.has(MEASURE):
            raise NotDrawn(f"{run.path}: written before /{MEASURE} was recorded.")
    rows = [row for arm in study.arms for row in _rows(arm)]
    names = ["configuration", "of", "step", "normalized_entropy", "smoothed", "low", "high"]
    return Table(_title(study), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _title(study):
    launches = [len(arm.runs) for arm in study.arms]
    seeds = [len(arm.one_of_each_seed()) for arm in study.arms]
    window = max(_window(_steps(arm)) for arm in study.arms)
    parts = ["solid: mean of the routers, dashed: lowest router of each step"]
    parts += [style.medians_of_seeds(seeds, launches)] * (max(launches) > 1)
    parts += [f"lines: median of {window} steps, bands: their range"] * (window > 1)
    return "; ".join(parts)


def _steps(arm):
    return min(run.steps_done for run in arm.runs)


def _window(steps):
    """Odd, so that a step stands in its middle."""
    return 1 if steps < 2 * POINTS else steps // POINTS // 2 * 2 + 1


def _rows(arm):
    """To the last step that all launches did; a median over seeds."""
    steps = _steps(arm)
    with np.errstate(invalid="ignore"):
        entropy = np.median(arm.of_samples([run.over_steps(MEASURE)[:steps] for run in arm.runs], SEED), axis=0)
        curves = {MEAN: entropy.mean(axis=1), LOWEST: entropy.min(axis=1)}
    for of, values in curves.items():
        smooth = _smoothed(values, _window(steps))
        for step in range(steps):
            yield arm.label, of, step, values[step], *(line[step] for line in smooth)


def _smoothed(values, window):
    """Median, smallest and largest of the steps about each; fewer at the ends."""
    half = window // 2
    around = [values[max(0, step - half) : step + half + 1] for step in range(len(values))]
    return [np.array([of(part) for part in around]) for of in (np.median, np.min, np.max)]


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    labels = table.distinct("configuration")
    for label in labels:
        colour, marker = style.arm(label) if len(labels) > 1 else ("#0072B2", "")
        for of, line in ((MEAN, "-"), (LOWEST, "--")):
            part = table.where(configuration=label, of=of)
            name = of if len(labels) == 1 else label if of == MEAN else f"_{label}, {of}"
            look = {"color": colour, "linestyle": line, "marker": marker, "markevery": max(1, len(part) // 8)}
            axes.plot(part["step"], part["smoothed"], linewidth=0.8, label=style.told(name, part["smoothed"]), **look)
            axes.fill_between(part["step"], part["low"], part["high"], color=colour, alpha=0.2, linewidth=0)
    axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(xlabel="step", ylabel="entropy of experts' shares / log E")
    style.whole_steps(axes)
    axes.grid(axis="y")
    style.legend(axes)
    return figure
