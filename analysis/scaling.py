"""Arms that differ in the number of ranks, sorted into series for the scaling figures."""

import numpy as np

import style
from comparison import across
from decided_by import MACHINE
from looks import CYCLE
from run_file import NotDrawn
from table import Table

GROWING = ("layout.ranks", "layout.dp", "layout.edp")  # with the ranks of one layout; whatever else differs is another layout


def tokens_of_a_step(arm):
    return arm.configuration["batch.sequences"] * arm.configuration["batch.sequence_length"]


def table(study, work, measure, ideal):
    """`work(arm)`: what arms of one series have in common; `ideal(value, ranks, first_ranks)`: the line from the first point."""
    rows = []
    for label, arms in _series(study, work).items():
        points = [(arm.configuration["layout.ranks"], across(arm, lambda run: run.summary(measure)[0], MACHINE)) for arm in arms]
        ranks, first = points[0]
        rows += [
            (label, at, estimate.value, estimate.low, estimate.high, estimate.n, ideal(first.value, at, ranks))
            for at, estimate in points
        ]
    series, ranks, value, low, high, n, line = zip(*rows, strict=True)
    if not np.isfinite(value).any():
        raise NotDrawn(f"no configuration has a finite number of {measure.replace('_', ' ')}.")
    unit = "s" if measure == "step_seconds" else "token/s"
    numbers = {measure: (unit, value), "low": (unit, low), "high": (unit, high), "n": ("", n), "ideal": (unit, line)}
    return Table(
        f"free launches, {style.of_launches(n)}; ideal: from the first point", series=("", series), ranks=("", ranks), **numbers
    )


def _series(study, work):
    """label -> arms by growing number of ranks, at least two numbers."""
    arms = study.free_arms()
    axes = [key for key in study.varied if key.startswith("layout.") and key not in GROWING]
    for of_layout in ((), axes):  # of several layouts on as many ranks each is a series of its own
        series = _grouped(arms, work, of_layout)
        if all(len({arm.configuration["layout.ranks"] for arm in group}) == len(group) for group in series.values()):
            break
    series = {label: group for label, group in series.items() if len({arm.configuration["layout.ranks"] for arm in group}) > 1}
    if not series:
        raise NotDrawn("no two configurations differ in ranks alone, with the same work.")
    return series


def _grouped(arms, work, of_layout):
    groups = {}
    for arm in sorted(arms, key=lambda arm: arm.configuration["layout.ranks"]):
        kept = tuple(sorted((key, str(value)) for key, value in arm.configuration.items() if not _of_size(key)))
        layout = tuple((key, arm.configuration.get(key)) for key in of_layout)
        groups.setdefault((kept, layout, work(arm)), []).append(arm)
    return {_label(layout, work(group[0]), group[0]): group for (_, layout, _), group in groups.items()}


def _of_size(key):
    return key.startswith("layout.") or key in ("batch.sequences", "batch.micro_steps")


def _label(layout, work, arm):
    parts = [f"{key.removeprefix('layout.')} {value}" for key, value in layout]
    parts += [str(value) for key, value in arm.values.items() if not key.startswith(("layout.", "batch."))]
    return ", ".join([*parts, work])


def draw(table, label):
    measure = table.names[2]
    figure = style.new_figure(style.COLUMN, 2.5)
    axes = figure.subplots()
    every = table.distinct("series")
    for number, series in enumerate(every):
        part = table.where(series=series)
        colour, marker = CYCLE[number % len(CYCLE)]
        at = part["ranks"] * 1.03 ** (number - (len(every) - 1) / 2)  # points of several series side by side
        style.whiskers(axes, at, part, measure, series, color=colour, marker=marker)
        axes.plot(part["ranks"], part["ideal"], color=colour, linestyle=":", linewidth=0.8)
    axes.plot([], [], color="black", linestyle=":", linewidth=0.8, label="ideal")
    ranks = sorted(set(table["ranks"].tolist()))
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, [str(rank) for rank in ranks])
    axes.minorticks_off()
    axes.set(xlabel="ranks", ylabel=label)
    axes.grid(axis="y")
    style.legend(axes)
    return figure
