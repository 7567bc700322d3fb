"""Where a step's time goes on each rank: fenced phases, and the wait and transfer of each communication axis."""

import numpy as np

import style
from table import Table

OF = "explanation"
FREE, PHASED = "free run: no fences, phases not told apart", "phased run: fences and barriers in each step"
ON_RANK, OVER_AXIS = "rank", "exchange"


def table(run):
    run.refuse_times()
    rows = [*_of_ranks(run), *_of_axes(run)]
    what, place, part, seconds = zip(*rows, strict=True)
    return Table(PHASED if run.phased() else FREE, of=("", what), place=("", place), part=("", part), seconds=("s", seconds))


def _of_ranks(run):
    ranks = run.names("rank")
    if run.phased():
        for name, seconds in zip(run.names("phase"), run.steady_mean("raw/phase_seconds", times=True).T, strict=True):
            if name in style.BETWEEN_STEPS:
                continue
            yield from ((ON_RANK, rank, name, second) for rank, second in zip(ranks, seconds, strict=True) if seconds.any())
    for rank, second in zip(ranks, run.steady_mean("raw/step_seconds", times=True), strict=True):
        yield ON_RANK, rank, "whole step", second


def _of_axes(run):
    axis_of = np.array(run.names("provenance/collective_axis"))
    told_apart = np.isfinite(run.steady_mean("raw/collective_wait_seconds", times=True)).any()
    for what in ("transfer", "wait"):
        seconds = run.steady_mean(f"raw/collective_{what}_seconds", times=True).mean(axis=0)
        for axis in dict.fromkeys(axis_of.tolist()):
            total = seconds[axis_of == axis].sum()
            if np.isfinite(total):
                yield OVER_AXIS, axis, what if told_apart else "waiting and transfer", total


def draw(table):
    figure = style.new_figure(style.PAGE, 2.6)
    left, right = figure.subplots(1, 2)
    _ranks(left, table.where(of=ON_RANK), table.title)
    _exchanges(right, table.where(of=OVER_AXIS))
    figure.get_layout_engine().set(wspace=0.06)
    return figure


def _ranks(axes, table, title):
    ranks = np.array(table.distinct("place"), int)
    start = np.zeros(len(ranks))
    for part in table.distinct("part")[:-1]:
        seconds = table.where(part=part)["seconds"]
        style.bar(axes, ranks, seconds, start, style.PHASES.get(part, style.OTHER_PHASE), part)
        start = start + seconds
    whole = table.where(part="whole step")["seconds"]
    if title == PHASED:
        axes.plot(ranks, whole, linestyle="none", marker="_", markersize=14, color="black", label="whole step")
    else:
        style.bar(axes, ranks, whole, start, (style.WHOLE_STEP, ""), "whole step")
    axes.set_title(title, loc="left")
    axes.set(xlabel="rank", ylabel="seconds per step", ylim=(0, None))
    axes.margins(x=0.2 if len(ranks) < 8 else 0.02)
    axes.set_xticks(ranks[:: -(-len(ranks) // 16)])
    style.legend_beside(axes)


def _exchanges(axes, table):
    if not len(table):
        axes.text(0.5, 0.5, "one rank: no communication", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    places = table.distinct("place")
    start = np.zeros(len(places))
    for part in table.distinct("part"):
        seconds = table.where(part=part)["seconds"]
        style.bar(axes, places, seconds, start, style.WAIT if part == "wait" else style.TRANSFER, part)
        start = start + seconds
    axes.set(xlabel="communication axis", ylabel="seconds per step")
    axes.margins(x=0.1)
    style.legend(axes, "exchanges, mean of ranks")
