"""Model FLOPs utilisation of each configuration under every numerator in use; `executed` is a hardware utilisation."""

import numpy as np
from matplotlib.ticker import PercentFormatter

import style
from decided_by import MACHINE
from measures import NUMERATORS
from run_file import NotDrawn
from study import across
from table import Table

OF = "study"


def table(study):
    arms = study.free_arms()
    for peak in ("stated", "measured"):
        rows = [(arm.label, numerator, _mfu(arm, peak, numerator)) for arm in arms for numerator in NUMERATORS]
        if any(np.isfinite(estimate.value) for _, _, estimate in rows):
            break
    else:
        raise NotDrawn("no peak is known, neither stated nor measured.")
    label, numerator, estimates = zip(*rows, strict=True)
    columns = {"mfu": "value", "low": "low", "high": "high", "n": "n"}
    numbers = {name: ("", [getattr(estimate, field) for estimate in estimates]) for name, field in columns.items()}
    return Table(
        f"of the {peak} peak; {style.of_launches(numbers['n'][1])}",
        configuration=("", label),
        numerator=("", numerator),
        **numbers,
    )


def _mfu(arm, peak, numerator):
    return across(arm, lambda run: run.summary(f"mfu_{peak}_{numerator}")[0], MACHINE)


def draw(table):
    labels = table.distinct("configuration")
    figure = style.new_figure(style.COLUMN, 0.9 + 0.32 * len(labels))
    axes = figure.subplots()
    for number, (numerator, (colour, marker)) in enumerate(style.NUMERATORS.items()):
        part = table.where(numerator=numerator)
        rows = np.arange(len(labels)) + 0.13 * (number - 2)
        look = {"color": colour, "marker": marker, "linestyle": "none"}
        style.whiskers(axes, rows, part, "mfu", numerator.replace("_", " "), down=True, **look)
    style.arms_down(axes, labels)
    axes.set(xlabel="utilisation", xlim=(0, None))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x")
    style.legend(axes)
    return figure
