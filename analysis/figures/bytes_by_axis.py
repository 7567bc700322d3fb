"""Payload of a step by the axis it crosses, all ranks, for each configuration."""

import numpy as np
from matplotlib.ticker import EngFormatter

import style
from decided_by import SEED
from run_file import NotDrawn
from study import across
from table import Table

OF = "study"


def table(study):
    axes = list(dict.fromkeys(axis for arm in study.arms for axis in arm.runs[0].names("provenance/collective_axis")))
    if not axes:
        raise NotDrawn("one rank: no communication.")
    columns = {
        axis: ("B", [across(arm, lambda run, axis=axis: _payload(run, axis), SEED).value for arm in study.arms]) for axis in axes
    }
    n = [len(arm.one_of_each_seed()) for arm in study.arms]
    title = style.medians_of_seeds(n, [len(arm.runs) for arm in study.arms])
    return Table(title, configuration=("", [arm.label for arm in study.arms]), **columns, n=("", n))


def _payload(run, axis):
    of_axis = np.array(run.names("provenance/collective_axis"), dtype=str) == axis
    return run.steady_mean("raw/collective_payload_bytes")[:, of_axis].sum() if of_axis.any() else 0.0


def draw(table):
    labels = table["configuration"]
    figure = style.new_figure(style.COLUMN, 1.0 + 0.26 * len(labels))
    axes = figure.subplots()
    rows, start = np.arange(len(labels)), np.zeros(len(labels))
    for axis in table.names[1:-1]:
        style.bar(axes, rows, table[axis], start, style.AXES.get(axis, style.OTHER_PHASE), axis, horizontal=True)
        start = start + table[axis]
    style.arms_down(axes, labels)
    axes.set_xlabel("payload per step, all ranks")
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    axes.locator_params(axis="x", nbins=4)
    style.legend(axes)
    return figure
