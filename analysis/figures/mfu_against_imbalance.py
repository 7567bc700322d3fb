"""Model FLOPs utilisation (Megatron's causal numerator) against the imbalance of rows over ranks; a point for each launch."""

import numpy as np
from matplotlib.ticker import PercentFormatter

import style
from run_file import NotDrawn
from table import Table

OF = "study"


def table(study):
    arms = [arm for arm in study.free_arms() if arm in study.routed_arms()]
    if not arms:
        raise NotDrawn("no free run of a model whose tokens are routed.")
    for peak in ("stated", "measured"):
        rows = [
            (arm.label, run.summary("imbalance_rank")[0], run.summary(f"mfu_{peak}_megatron_causal")[0])
            for arm in arms
            for run in arm.runs
        ]
        rows = [row for row in rows if np.isfinite(row[1:]).all()]
        if rows:
            break
    else:
        raise NotDrawn("no peak is known, neither stated nor measured.")
    if all(run.config["layout.ranks"] == 1 for arm in arms for run in arm.runs):
        raise NotDrawn("one rank each: its rows cannot be uneven.")
    label, imbalance, mfu = zip(*rows, strict=True)
    return Table(
        f"of the {peak} peak, Megatron-LM's causal numerator; a point for each free launch: no interval",
        configuration=("", label),
        imbalance_rank=("", imbalance),
        mfu=("", mfu),
    )


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.4)
    axes = figure.subplots()
    for label in table.distinct("configuration"):
        part = table.where(configuration=label)
        colour, marker = style.arm(label)
        axes.plot(
            part["imbalance_rank"], part["mfu"], color=colour, marker=marker, linestyle="none", fillstyle="none", label=label
        )
    axes.set(xlabel="rows of the busiest rank (max / mean)", ylabel="model FLOPs utilisation\n(share of the peak)")
    style.at_least(axes, 0.02)
    style.from_zero(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid()
    if len(table.distinct("configuration")) > 1:
        style.legend(axes)
    return figure
