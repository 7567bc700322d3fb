"""Memory of every rank by what it is held for, up to the high-water mark of its process."""

import numpy as np
from matplotlib.ticker import EngFormatter

import style
from looks import PARTS, PURPOSES, UNKNOWN
from run_file import NotDrawn
from table import Table

OF = "launch"
REST = "not told apart:\nlibraries, MPI, code"


def table(run):
    held, purposes = run.over_steps("raw/memory_by_purpose").max(axis=0), run.names("memory_purpose")
    if (held < 0).any():
        raise NotDrawn(f"{run.path}: a profiling tool was loaded, so memory was not told apart.")
    process = run.over_steps("raw/memory_bytes").max(axis=0)
    columns = {purpose: ("B", held[:, number]) for number, purpose in enumerate(purposes)}
    columns["not_told_apart"] = ("B", np.where(process < 0, 0, np.maximum(process - held.sum(axis=1), 0)))
    title = "one launch; each part, and the process, at the step with most of it"
    return Table(title, rank=("", run.array("rank")), **columns, process=("B", process))


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    ranks, start = table["rank"], np.zeros(len(table))
    for purpose in table.names[1:-2]:
        style.bar(axes, ranks, table[purpose], start, PURPOSES.get(purpose, UNKNOWN), purpose)
        start = start + table[purpose]
    style.bar(axes, ranks, table["not_told_apart"], start, PARTS["not told apart"], REST)
    known = table["process"] >= 0
    mark = {"linestyle": "none", "marker": "_", "markersize": min(12, 100 / len(ranks)), "color": "black"}
    axes.plot(ranks[known], table["process"][known], label="process, highest", **mark)
    axes.set(xlabel="rank", ylabel="memory", ylim=(0, None))
    style.ranks_along(axes, ranks)
    axes.yaxis.set_major_formatter(EngFormatter("B"))
    style.legend_beside(axes)
    return figure
