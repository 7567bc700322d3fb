"""Bus bandwidth of every exchange against its message size, in nccl-tests' words; a point is the median of launches."""

import numpy as np
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

import looks
import style
from comparison import median_of
from looks import CYCLE, OPERATIONS
from run_file import NotDrawn
from table import Table

OF = "study"
GIGA = 1e9
NCCL = "bus bandwidth as nccl-tests counts it"
NOT_TOLD = f"{NCCL}; the table tells the configurations apart"
COLUMNS = {"configuration": "", "collective": "", "operation": "", "group_size": "rank", "message": "B"}
COLUMNS |= {"busbw": "B/s", "low": "B/s", "high": "B/s", "n": ""}


def table(study):
    arms = study.arms_for_times()
    rows = [row for arm in arms for row in _points(arm)]
    if not rows:
        raise NotDrawn("no exchange with a bandwidth: one rank, or nothing sent.")
    columns = zip(COLUMNS.items(), zip(*rows, strict=True), strict=True)
    title = f"{_timing({arm.told_apart()[0].phased() for arm in arms})}; {style.of_launches([row[-1] for row in rows])}"
    return Table(
        f"{title}; {NOT_TOLD if len(arms) > looks.MOST_COLOURS else NCCL}",
        **{name: (unit, values) for (name, unit), values in columns},
    )


def _timing(phased):
    if len(phased) > 1:
        return "phased and free launches: in free ones waiting is in it, a lower bound"
    return "phased launches: without waiting" if phased == {True} else "free launches: a lower bound, waiting is in it"


def _points(arm):
    """Of each exchange its message and bandwidth: medians over the launches that have one, of medians over steps."""
    launches = [_of_launch(run) for run in arm.told_apart()]
    run = arm.told_apart()[0]
    facts = [run.names("collective"), run.names("provenance/collective_operation")]
    sizes = run.array("provenance/collective_group_size").tolist()
    for number, (name, operation) in enumerate(zip(*facts, strict=True)):
        message, rate = np.transpose([(message[number], rate[number]) for message, rate in launches])
        told = (message > 0) & (rate > 0) & np.isfinite(rate)
        if told.any():
            middle = median_of(rate[told])
            yield (
                arm.label,
                name,
                operation,
                sizes[number],
                np.median(message[told]),
                middle.value,
                middle.low,
                middle.high,
                middle.n,
            )


def _of_launch(run):
    """Payload of one call on one rank, and bandwidth, [C] each."""
    calls, payload = (run.steady_mean(f"raw/collective_{what}").sum(axis=0) for what in ("calls", "payload_bytes"))
    message = np.divide(payload, calls, out=np.zeros(len(calls)), where=calls > 0)
    return message, np.median(run.steady("derived/bandwidth/busbw", times=True), axis=0)


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.6)
    axes = figure.subplots()
    labels, operations = table.distinct("configuration"), table.distinct("operation")
    by_arm = 1 < len(labels) <= looks.MOST_COLOURS
    for number, label in enumerate(labels):
        for place, operation in enumerate(operations):
            part = table.where(configuration=label, operation=operation)
            colour = style.arm(label)[0] if by_arm else CYCLE[place % len(CYCLE)][0]
            look = {"color": colour, "marker": OPERATIONS.get(operation, "x"), "linestyle": "none", "fillstyle": "none"}
            at = part["message"] * 1.5 ** (number / len(labels) - 0.5) if len(labels) > 1 else part["message"]
            style.whiskers(axes, at, _in_giga(part), "busbw", "_" if by_arm or number else operation, **look)
    if by_arm:
        _keys(axes, labels, operations)
    _log_axes(axes)
    style.legend(axes)
    return figure


def _in_giga(table):
    return {name: table[name] / GIGA for name in ("busbw", "low", "high")}


def _keys(axes, labels, operations):
    for operation in operations:
        look = {"color": "black", "marker": OPERATIONS.get(operation, "x"), "linestyle": "none", "fillstyle": "none"}
        axes.plot([], [], label=operation, **look)
    for label in labels:
        axes.plot([], [], color=style.arm(label)[0], linewidth=3, label=label)


def _log_axes(axes):
    axes.set(
        xscale="log", yscale="log", xlabel="message: payload of one call on one rank", ylabel="bus bandwidth (nccl-tests), GB/s"
    )
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_xlim()
    axes.set_xlim(low / 2, high * 2)
    low, high = axes.get_ylim()
    if high < 100 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid()
