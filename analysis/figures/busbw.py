"""Bus bandwidth of every collective against its message size, in nccl-tests' words; one point per collective and launch."""

import numpy as np
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

import style
from run_file import NotDrawn
from table import Table

OF = "study"


def table(study):
    rows = [row for arm in study.arms_for_times() for run in arm.told_apart() for row in _points(arm.label, run)]
    if not rows:
        raise NotDrawn("no exchange with a bandwidth: one rank, or nothing sent.")
    names = ["configuration", "collective", "operation", "group_size", "message", "busbw"]
    columns = zip(names, ["", "", "", "rank", "B", "B/s"], zip(*rows, strict=True), strict=True)
    phased = {arm.told_apart()[0].phased() for arm in study.arms_for_times()}
    title = (
        "phased: without waiting"
        if phased == {True}
        else "free: a lower bound, waiting is in it"
        if phased == {False}
        else "phased and free"
    )
    return Table(title, **{name: (unit, values) for name, unit, values in columns})


def _points(label, run):
    """Payload of one call on one rank, and the median over steps of the bandwidth."""
    calls, payload = (run.steady_mean(f"raw/collective_{what}").sum(axis=0) for what in ("calls", "payload_bytes"))
    busbw = run.steady("derived/bandwidth/busbw", times=True)
    sizes = run.array("provenance/collective_group_size").tolist()
    for number, (name, operation) in enumerate(
        zip(run.names("collective"), run.names("provenance/collective_operation"), strict=True)
    ):
        rate = np.median(busbw[:, number])
        if calls[number] > 0 and 0 < rate < np.inf:
            yield label, name, operation, sizes[number], payload[number] / calls[number], rate


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.6)
    axes = figure.subplots()
    several = len(table.distinct("configuration")) > 1
    for label in table.distinct("configuration"):
        for number, operation in enumerate(table.distinct("operation")):
            part = table.where(configuration=label, operation=operation)
            colour = style.arm(label)[0] if several else style.CYCLE[number % len(style.CYCLE)][0]
            look = {"color": colour, "marker": style.OPERATIONS.get(operation, "x"), "linestyle": "none", "fillstyle": "none"}
            axes.plot(part["message"], part["busbw"], **look)
    for number, operation in enumerate(table.distinct("operation")):
        colour = "black" if several else style.CYCLE[number % len(style.CYCLE)][0]
        marker = style.OPERATIONS.get(operation, "x")
        axes.plot([], [], color=colour, marker=marker, linestyle="none", fillstyle="none", label=operation)
    for label in table.distinct("configuration") if several else []:
        axes.plot([], [], color=style.arm(label)[0], linewidth=3, label=label)
    axes.set(xscale="log", yscale="log", xlabel="message (payload of a call on one rank)", ylabel="busbw")
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    if table["busbw"].max() < 100 * table["busbw"].min():
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(EngFormatter("B/s"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid()
    style.legend(axes)
    return figure
