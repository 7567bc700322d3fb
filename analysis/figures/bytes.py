"""Payload of every exchange in a step, sum of all ranks, as counted and as computed from configuration and routed counts."""

import numpy as np
from matplotlib.ticker import EngFormatter

import style
from run_file import NotDrawn
from table import Table

OF = "launch"
COUNTED = "raw/collective_payload_bytes"
COMPUTED = "computed/payload_bytes"


def table(run):
    names = run.names("collective")
    if not names:
        raise NotDrawn("one rank: no communication.")
    counted, computed = (run.steady_mean(name).sum(axis=0) for name in (COUNTED, COMPUTED))
    return Table(
        f"{_verdict(run)}; one launch, mean of the steps after warm-up",
        collective=("", names),
        counted=("B", counted),
        computed=("B", computed),
    )


def _verdict(run):
    counted, computed = run.over_steps(COUNTED), run.over_steps(COMPUTED)
    unequal = np.count_nonzero(counted != computed)
    entries = f"{counted.size:,} entries (steps x ranks x exchanges)"
    return f"counted and computed differ in {unequal:,} of {entries}" if unequal else f"counted = computed in all {entries}"


def draw(table):
    names = table["collective"]
    figure = style.new_figure(style.PAGE, 0.9 + 0.17 * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names))
    axes.hlines(rows, 0, 1, transform=axes.get_yaxis_transform(), color="#E5E5E5", linewidth=0.5, zorder=1)
    axes.plot(table["counted"], rows, "o", color="C0", markersize=3.5, label="counted")
    axes.plot(table["computed"], rows, "o", color="C1", markersize=7, fillstyle="none", label="computed")
    if (table["counted"] > 0).all():
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=1)
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("payload per step, all ranks")
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    style.legend(axes)
    return figure
