"""Time of a step by phase for each configuration (phased runs, mean of ranks), beside the step of its free run."""

import numpy as np

import style
from decided_by import MACHINE
from run_file import NotDrawn
from study import across
from table import Table

OF = "comparison"
LARGEST_RATIO = 1.1  # of phased over free; above, fences distort the step too much for shares to be quoted


def table(study):
    arms = study.explained_arms()
    phases = list(dict.fromkeys(phase for arm in arms for phase in arm.told_apart()[0].names("phase")))
    columns = {phase: ("s", [np.median([_seconds(run, phase) for run in arm.told_apart()]) for arm in arms]) for phase in phases}
    columns = {phase: column for phase, column in columns.items() if np.any(column[1])}
    free = [_free(arm) for arm in arms]
    total = np.sum([seconds for _, seconds in columns.values()], axis=0)
    if not (np.isfinite(total).any() or np.isfinite(free).any()):
        raise NotDrawn("no configuration has times of steps that are finite numbers.")
    n = [len(arm.told_apart()) for arm in arms]
    return Table(
        f"phased runs, mean of ranks, {style.medians(n)}",
        configuration=("", [arm.label for arm in arms]),
        **columns,
        free_step=("s", free),
        phases_over_free=("", total / np.array(free)),
        n=("", n),
    )


def _seconds(run, phase):
    names = run.names("phase")
    if phase not in names or phase in style.BETWEEN_STEPS:
        return 0.0
    return run.steady_mean("raw/phase_seconds", times=True)[:, names.index(phase)].mean()


def _free(arm):
    """Step of the launches that are explained; NaN where there are none."""
    return across(arm, lambda run: run.summary("step_seconds")[0], MACHINE).value if arm.explaining else np.nan


def draw(table):
    labels = table["configuration"]
    figure = style.new_figure(style.PAGE, 1.3 + 0.28 * len(labels))
    axes = figure.subplots()
    rows, start = np.arange(len(labels)), np.zeros(len(labels))
    for phase in table.names[1:-3]:
        style.bar(axes, rows, table[phase], start, style.PHASES.get(phase, style.OTHER_PHASE), phase, horizontal=True)
        start = start + table[phase]
    axes.plot(table["free_step"], rows, linestyle="none", marker="|", markersize=13, color="black", label="free step")
    ends = np.nan_to_num(np.fmax(start, table["free_step"]))
    for row, (end, phases, free) in enumerate(zip(ends, start, table["free_step"], strict=True)):
        axes.annotate(_remark(phases, free), (end, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=6)
    style.arms_down(axes, labels)
    axes.set(xlabel="seconds per step", xlim=(0, 1.35 * np.nanmax([start, table["free_step"]])))
    style.legend(axes)
    return figure


def _remark(phases, free):
    if not np.isfinite(phases):
        return "phases not finite"
    if not np.isfinite(free):
        return "no free run beside it"
    ratio = phases / free
    return f"phases / free = {ratio:.2f}" + (": do not quote shares" if ratio > LARGEST_RATIO else "")
