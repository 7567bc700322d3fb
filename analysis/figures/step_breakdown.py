"""Time of a step by phase for each configuration (phased launches, mean of ranks), beside the step of its free launches."""

import numpy as np

import looks
import style
from comparison import across, median_of
from decided_by import MACHINE
from launch_statistics import Estimate
from run_file import NotDrawn
from table import Table

OF = "study"
LARGEST_RATIO = 1.1  # of phased over free; above, fences distort the step; as far below, the launches met unlike conditions
REST = "not_in_a_phase"


def table(study):
    arms = study.explained_arms()
    if len(study.arms) == 1 and not arms[0].explaining:
        raise NotDrawn("one configuration without a free launch beside the phased one; step_time shows its phases.")
    phases = list(dict.fromkeys(phase for arm in arms for phase in arm.told_apart()[0].names("phase")))
    columns = {phase: ("s", [np.median([_seconds(run, phase) for run in arm.told_apart()]) for arm in arms]) for phase in phases}
    columns = {phase: column for phase, column in columns.items() if np.any(column[1])}
    free, phased = [_free(arm) for arm in arms], [median_of([_step(run) for run in arm.told_apart()]) for arm in arms]
    total = np.sum([seconds for _, seconds in columns.values()], axis=0)
    if not (np.isfinite(total).any() or np.isfinite([one.value for one in free]).any()):
        raise NotDrawn("no configuration has times of steps that are finite numbers.")
    with np.errstate(invalid="ignore"):
        columns[REST] = ("s", np.maximum([one.value for one in phased] - total, 0))
    columns |= {"free_step": _of(free, "value"), "low": _of(free, "low"), "high": _of(free, "high")}
    columns |= {"phased_step": _of(phased, "value"), "phased_low": _of(phased, "low"), "phased_high": _of(phased, "high")}
    columns["phases_over_free"] = ("", total / np.array([one.value for one in free]))
    n = {"n": ("", [one.n for one in phased]), "n_free": ("", [one.n for one in free])}
    return Table(_title(phased, free), configuration=("", [arm.label for arm in arms]), **columns, **n)


def _of(estimates, field):
    return "s", [getattr(one, field) for one in estimates]


def _title(phased, free):
    told = f"bars: phased launches, mean of ranks, {style.of_launches([one.n for one in phased])}"
    n = [one.n for one in free if one.n]
    return f"{told}; free step: {style.of_launches(n)}" if n else told


def _seconds(run, phase):
    names = run.names("phase")
    if phase not in names or phase in looks.BETWEEN_STEPS:
        return 0.0
    return run.steady_mean("raw/phase_seconds", times=True)[:, names.index(phase)].mean()


def _step(run):
    return run.steady_mean("raw/step_seconds", times=True).mean()


def _free(arm):
    """Step of the launches that are explained; NaN where there are none."""
    none = Estimate(np.nan, np.nan, np.nan, 0)
    return across(arm, lambda run: run.summary("step_seconds")[0], MACHINE) if arm.explaining else none


def draw(table):
    labels = table["configuration"]
    figure = style.new_figure(style.PAGE, 1.3 + 0.28 * len(labels))
    axes = figure.subplots()
    rows, start = np.arange(len(labels)), np.zeros(len(labels))
    for phase in table.names[1 : table.names.index(REST)]:
        style.bar(axes, rows, table[phase], start, looks.phase(phase), phase, horizontal=True)
        start = start + table[phase]
    rest = np.nan_to_num(table[REST])
    style.bar(axes, rows, rest, start, looks.PARTS["not told apart"], "not in a phase", horizontal=True)
    _steps(axes, rows, table)
    ends = np.nan_to_num(np.fmax.reduce([start + rest, *(table[name] for name in ("free_step", "high", "phased_high"))]))
    style.remarks(axes, ends, [_remark(*times) for times in zip(start, table["free_step"], strict=True)])
    style.arms_down(axes, labels)
    axes.set_xlabel("seconds per step")
    style.legend(axes)
    return figure


def _steps(axes, rows, table):
    """The free step as a bar across the row, and both intervals."""
    if np.isfinite(table["phased_low"]).any():
        phased = {"phased_step": table["phased_step"], "low": table["phased_low"], "high": table["phased_high"]}
        style.whiskers(axes, rows + 0.2, phased, "phased_step", "phased step", down=True, color="black", linestyle="none")
    look = {"color": "black", "marker": "|", "markersize": 9, "linestyle": "none"}
    if not table["n_free"].any():
        return
    style.whiskers(axes, rows, table, "free_step", "free step", down=True, **look)


def _remark(phases, free):
    if not np.isfinite(phases):
        return "phases not finite"
    if not np.isfinite(free):
        return "no free run beside it"
    ratio = phases / free
    return f"phases / free = {ratio:.2f}" + ("" if 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO else ": do not quote shares")
