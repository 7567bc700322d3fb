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
    arms = study.routed_arms()
    rows = [row for arm in arms for row in _rows(arm)]
    names = ["configuration", "of", "step", "low", "normalized_entropy", "high"]
    return Table(_title(arms), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _title(arms):
    steps = [run.steps_done for arm in arms for run in arm.runs]
    launches, seeds = [len(arm.runs) for arm in arms], [len(arm.one_of_each_seed()) for arm in arms]
    over = " and ".join(["window"] * (smoothing.window(max(steps)) > 1) + ["seeds"] * (max(seeds) > 1))
    parts = ["lowest router: of each step", smoothing.told(steps)]
    return "; ".join([*parts, style.medians_of_seeds(seeds, launches), *[f"bands: quartiles over {over}"] * bool(over)])


def _rows(arm):
    """To the last step that all launches did."""
    values = [run.over_steps(MEASURE) for run in arm.runs]
    entropy = arm.of_samples([value[: min(map(len, values))] for value in values], SEED)  # [seed, S, L]
    for of, curve in ((MEAN, entropy.mean(axis=2)), (LOWEST, entropy.min(axis=2))):
        places, quartiles = smoothing.running(curve)
        yield from ((arm.label, of, step, *three) for step, three in zip(places.tolist(), quartiles.T, strict=True))


def draw(table):
    """Of one configuration both curves in one panel, of several a panel each."""
    labels = table.distinct("configuration")
    several = len(labels) > 1
    figure = style.new_figure(style.COLUMN, 3.1 if several else 2.3)
    panels = figure.subplots(1 + several, 1, sharex=True, squeeze=False)[:, 0]
    for axes, (of, line) in zip(panels if several else [panels[0]] * 2, ((MEAN, "-"), (LOWEST, "--")), strict=True):
        for number, label in enumerate(labels):
            part = table.where(configuration=label, of=of)
            look, name = (style.arm(label), label) if several else ((ALONE, ""), of)
            drawn = {"band": (part["low"], part["high"]), "line": "-" if several else line}
            style.curve(axes, part["step"], part["normalized_entropy"], name, look, number, len(labels), **drawn)
        if several:
            axes.set_ylabel(f"entropy / log E,\n{of}")
    for axes in panels:
        axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
        axes.grid(axis="y")
    if not several:
        panels[0].set_ylabel("entropy of experts' shares / log E")
    panels[-1].set_xlabel("step")
    style.whole_steps(panels[-1])
    style.legend(panels[0])
    return figure
