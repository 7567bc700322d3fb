"""Memory of every rank by what it is held for, and the high-water mark of its process."""

import numpy as np
from matplotlib.ticker import EngFormatter

import style
from run_file import NotDrawn
from table import Table

OF = "launch"


def table(run):
    held, purposes = run.over_steps("raw/memory_by_purpose").max(axis=0), run.names("memory_purpose")
    if (held < 0).any():
        raise NotDrawn(f"{run.path}: a profiling tool was loaded, so memory was not told apart.")
    columns = {purpose: ("B", held[:, number]) for number, purpose in enumerate(purposes)}
    return Table(rank=("", run.array("rank")), **columns, process=("B", run.over_steps("raw/memory_bytes").max(axis=0)))


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    ranks, start = table["rank"], np.zeros(len(table))
    for purpose in table.names[1:-1]:
        style.bar(axes, ranks, table[purpose], start, style.PURPOSES.get(purpose, style.OTHER_PHASE), purpose)
        start = start + table[purpose]
    axes.plot(ranks, table["process"], linestyle="none", marker="_", markersize=12, color="black", label="process, highest")
    axes.set(xlabel="rank", ylabel="memory", ylim=(0, None))
    axes.set_xticks(ranks[:: -(-len(ranks) // 16)])
    axes.yaxis.set_major_formatter(EngFormatter("B"))
    axes.margins(x=0.2 if len(ranks) < 8 else 0.02)
    style.legend_beside(axes)
    return figure
