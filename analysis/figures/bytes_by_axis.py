"""Payload of a step by the axis it crosses, sum of all ranks, of each of several configurations; in all, and for each token."""

import numpy as np
from matplotlib.ticker import EngFormatter

import looks
import style
from comparison import across
from decided_by import SEED
from run_file import NotDrawn
from table import Table

OF = "comparison"
PAYLOAD = "raw/collective_payload_bytes"
BYTES = EngFormatter("B", places=1)


def table(study):
    used = dict.fromkeys(axis for arm in study.arms for axis in arm.runs[0].names("provenance/collective_axis"))
    axes = [axis for axis in looks.AXES if axis in used] + [axis for axis in used if axis not in looks.AXES]
    if not axes:
        raise NotDrawn("one rank: no communication.")
    if len(study.arms) == 1:
        raise NotDrawn("one configuration: `bytes` tells its exchanges apart.")
    columns = {axis: ("B", [_median(arm, lambda run, axis=axis: _payload(run, axis)) for arm in study.arms]) for axis in axes}
    columns["total"] = ("B", [_median(arm, lambda run: run.steady_mean(PAYLOAD).sum()) for arm in study.arms])
    columns["per_token"] = ("B/token", [_median(arm, _per_token) for arm in study.arms])
    n = [len(arm.one_of_each_seed()) for arm in study.arms]
    title = f"steps after warm-up, sum of all ranks; {style.medians_of_seeds(n, [len(arm.runs) for arm in study.arms])}"
    return Table(title, configuration=("", [arm.label for arm in study.arms]), **columns, n=("", n))


def _median(arm, measure):
    return across(arm, measure, SEED).value


def _payload(run, axis):
    of_axis = np.array(run.names("provenance/collective_axis"), dtype=str) == axis
    return run.steady_mean(PAYLOAD)[:, of_axis].sum() if of_axis.any() else 0.0


def _per_token(run):
    return run.steady_mean(PAYLOAD).sum() / run.steady_mean("raw/tokens")


def draw(table):
    labels = table["configuration"]
    figure = style.new_figure(style.PAGE, 1.0 + 0.24 * len(labels))
    axes = figure.subplots()
    rows, start = np.arange(len(labels)), np.zeros(len(labels))
    for axis in table.names[1:-3]:
        if table[axis].any():
            style.bar(axes, rows, table[axis], start, looks.axis(axis), looks.AXIS_WORDS.get(axis, axis), horizontal=True)
        start = start + table[axis]
    style.remarks(axes, start, [_remark(*bytes) for bytes in zip(table["total"], table["per_token"], strict=True)])
    style.arms_down(axes, labels)
    axes.set_xlabel("payload per step, all ranks")
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    axes.locator_params(axis="x", nbins=6)
    style.legend(axes, "communication axis")
    return figure


def _remark(total, each):
    return f"{BYTES(total)}, {BYTES(each)} per token" if total > 0 else "no communication"
