"""Where a step's time goes on each rank: fenced phases, and the wait and transfer of each communication axis."""

import numpy as np

import looks
import style
from table import Table

OF = "explanation"
FREE, PHASED = "free launch: no fences, phases not told apart", "phased launch: fences and barriers in each step"
ON_RANK, OVER_AXIS = "rank", "exchange"
WHOLE, REST, BOTH = "whole step", "not in a phase", "waiting and transfer"


def table(run):
    run.refuse_times()
    rows = [*_of_ranks(run), *_of_axes(run)]
    what, place, part, seconds = zip(*rows, strict=True)
    title = f"{PHASED if run.phased() else FREE}; one launch, mean of the steps after warm-up: no interval"
    return Table(title, of=("", what), place=("", place), part=("", part), seconds=("s", seconds))


def _of_ranks(run):
    ranks, whole = run.names("rank"), run.steady_mean("raw/step_seconds", times=True)
    parts = {WHOLE: whole}
    if run.phased():
        seconds = run.steady_mean("raw/phase_seconds", times=True).T
        phases = dict(zip(run.names("phase"), seconds, strict=True))
        parts = {name: values for name, values in phases.items() if name not in looks.BETWEEN_STEPS and values.any()}
        with np.errstate(invalid="ignore"):
            parts |= {REST: np.maximum(whole - sum(parts.values(), np.zeros(len(ranks))), 0), WHOLE: whole}
    for part, values in parts.items():
        yield from ((ON_RANK, rank, part, second) for rank, second in zip(ranks, values, strict=True))


def _of_axes(run):
    axis_of = np.array(run.names("provenance/collective_axis"))
    told_apart = np.isfinite(run.steady_mean("raw/collective_wait_seconds", times=True)).any()
    for what in ("transfer", "wait"):
        seconds = run.steady_mean(f"raw/collective_{what}_seconds", times=True).mean(axis=0)
        for axis in dict.fromkeys(axis_of.tolist()):
            total = seconds[axis_of == axis].sum()
            if np.isfinite(total):
                yield OVER_AXIS, axis, what if told_apart else BOTH, total


def draw(table):
    figure = style.new_figure(style.PAGE, 2.6)
    left, right = figure.subplots(1, 2)
    _ranks(left, table.where(of=ON_RANK))
    _exchanges(right, table.where(of=OVER_AXIS))
    figure.get_layout_engine().set(wspace=0.06)
    return figure


def _ranks(axes, table):
    ranks = np.array(table.distinct("place"), int)
    start = np.zeros(len(ranks))
    *parts, _ = table.distinct("part")
    for part in parts:
        seconds = np.nan_to_num(table.where(part=part)["seconds"]) if part == REST else table.where(part=part)["seconds"]
        style.bar(axes, ranks, seconds, start, looks.PARTS["not told apart"] if part == REST else looks.phase(part), part)
        start = start + seconds
    whole = table.where(part=WHOLE)["seconds"]
    if parts:
        mark = {"linestyle": "none", "marker": "_", "markersize": min(14, 100 / len(ranks)), "color": "black"}
        axes.plot(ranks, whole, label=WHOLE, **mark)
    else:
        style.bar(axes, ranks, whole, start, looks.PARTS[WHOLE], WHOLE)
    axes.set(xlabel="rank", ylabel="seconds per step", ylim=(0, None))
    style.ranks_along(axes, ranks)
    style.legend_beside(axes)


def _exchanges(axes, table):
    if not len(table):
        axes.text(0.5, 0.5, "one rank: no communication", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    places = table.distinct("place")
    rows, start = np.arange(len(places)), np.zeros(len(places))
    for part in table.distinct("part"):
        seconds = table.where(part=part)["seconds"]
        style.bar(axes, rows, seconds, start, looks.PARTS[part], part, horizontal=True)
        start = start + seconds
    axes.set_yticks(rows, [looks.AXIS_WORDS.get(place, place).replace(" (", "\n(") for place in places])
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set(xlabel="seconds per step,\nmean of ranks", ylabel="exchanges, by axis")
    axes.locator_params(axis="x", nbins=4 if axes.figure.get_figwidth() > 6 else 3)
    style.legend(axes)
