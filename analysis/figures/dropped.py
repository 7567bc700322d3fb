"""Share of choices that a capacity dropped against the capacity factor, one line for each other configuration."""

from matplotlib.ticker import PercentFormatter

import style
from comparison import across
from decided_by import SEED
from run_file import NotDrawn
from table import Table

OF = "comparison"
FACTOR = "capacity.factor"


def table(study):
    arms = [arm for arm in study.arms if arm.configuration.get("capacity.policy") != "none"]
    if len({arm.configuration[FACTOR] for arm in arms}) < 2:
        raise NotDrawn(f"{FACTOR} is the same in all configurations that have a capacity.")
    rows = []
    for arm in sorted(arms, key=lambda arm: arm.configuration[FACTOR]):
        estimate = across(arm, lambda run: run.summary("dropped_fraction")[0], SEED)
        others = ", ".join(str(value) for key, value in arm.values.items() if key != FACTOR) or "all"
        rows.append((others, arm.configuration[FACTOR], estimate.value, estimate.low, estimate.high, estimate.n))
    names = ["configuration", "capacity_factor", "dropped", "low", "high", "n"]
    told = style.of_seeds([row[-1] for row in rows], [len(arm.runs) for arm in arms])
    return Table(
        f"of the choices after warm-up, all routers; {told}",
        **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)},
    )


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    labels = table.distinct("configuration")
    for number, label in enumerate(labels):
        colour, marker = style.arm(label)
        part = table.where(configuration=label)
        at = style.beside(part["capacity_factor"], number, len(labels))
        style.whiskers(axes, at, part, "dropped", label, color=colour, marker=marker)
    axes.set(xlabel="capacity factor", ylabel="share of choices dropped")
    style.from_zero(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid()
    if len(labels) > 1:
        style.legend(axes)
    return figure
