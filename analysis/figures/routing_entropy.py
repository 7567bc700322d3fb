"""How evenly routers spread their choices over the steps: entropy of the experts' shares, 1 where all are alike and 0 where one
has all; the mean of the routers and the lowest of them."""

import smoothing
import style
from decided_by import SEED
from run_file import NotDrawn
from table import Table

OF = "study"
MEASURE = "derived/imbalance/experts/normalized_entropy"
MEAN, LOWEST = "mean of routers", "lowest router"
ALONE = "#0072B2"


def table(study):
    for run in study.runs:
        if not run.has(MEASURE):
            raise NotDrawn(f"{run.path}: written before /{MEASURE} was recorded.")
    rows = [row for arm in study.arms for row in _rows(arm)]
    names = ["configuration", "of", "step", "low", "normalized_entropy", "high"]
    return Table(_title(study), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _title(study):
    steps = [run.steps_done for run in study.runs]
    launches, seeds = [len(arm.runs) for arm in study.arms], [len(arm.one_of_each_seed()) for arm in study.arms]
    over = " and ".join(["window"] * (smoothing.window(max(steps)) > 1) + ["seeds"] * (max(seeds) > 1))
    parts = ["solid: mean of the routers, dashed: lowest router of each step", smoothing.told(steps)]
    return "; ".join([*parts, style.medians_of_seeds(seeds, launches), *[f"bands: quartiles over {over}"] * bool(over)])


def _rows(arm):
    """To the last step that all launches did."""
    values = [run.over_steps(MEASURE) for run in arm.runs]
    entropy = arm.of_samples([value[: min(map(len, values))] for value in values], SEED)  # [seed, S, L]
    for of, curve in ((MEAN, entropy.mean(axis=2)), (LOWEST, entropy.min(axis=2))):
        places, quartiles = smoothing.running(curve)
        yield from ((arm.label, of, step, *three) for step, three in zip(places.tolist(), quartiles.T, strict=True))


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    labels = table.distinct("configuration")
    for number, label in enumerate(labels):
        look = style.arm(label) if len(labels) > 1 else (ALONE, "")
        for of, line in ((MEAN, "-"), (LOWEST, "--")):
            part = table.where(configuration=label, of=of)
            name = of if len(labels) == 1 else label if of == MEAN else "_"
            band = (part["low"], part["high"])
            style.curve(axes, part["step"], part["normalized_entropy"], name, look, number, len(labels), band, line=line)
    axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(xlabel="step", ylabel="entropy of experts' shares / log E")
    style.whole_steps(axes)
    axes.grid(axis="y")
    style.legend(axes)
    return figure
