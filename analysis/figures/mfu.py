"""Model FLOPs utilisation of each configuration under every numerator in use; `executed` is a hardware utilisation."""

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

import style
from comparison import across
from decided_by import MACHINE
from looks import NUMERATORS
from run_file import NotDrawn
from table import Table

OF = "study"
WORDS = {
    "megatron_causal": "Megatron-LM, causal",
    "non_causal": "torchtitan, not causal",
    "six_n_active": "6 N, active parameters",
    "six_n_total": "6 N, all parameters",
    "executed": "executed (hardware)",
}
COUNTS = {  # docs/definitions.md, Operations
    "megatron_causal": "the lower half of the attention matrix, no router",
    "non_causal": "the whole attention matrix",
    "six_n_active": "6 operations for each parameter that a token uses",
    "six_n_total": "every parameter, idle experts too: it flatters sparse models",
    "executed": "operations at the kernel calls",
}
MOST_TICKS = 5
SLOW_PEAK = "above 100 % the peak, the best of a few products of square matrices, was slower than the model's own products"


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
    notes = _above({name for _, name, estimate in rows if estimate.value > 1}, peak)
    return Table(
        "; ".join([f"of the {peak} peak, free launches, {style.of_launches(numbers['n'][1])}", *notes]),
        configuration=("", label),
        numerator=("", numerator),
        **numbers,
    )


def _above(numerators, peak):
    """What those count that exceed the peak, and why another than `six_n_total` may."""
    notes = [f"{WORDS[name]} counts {COUNTS[name]}" for name in NUMERATORS if name in numerators]
    notes = ["dotted: 100 %", *notes] if notes else []
    return notes + [SLOW_PEAK] * (peak == "measured" and bool(numerators - {"six_n_total"}))


def _mfu(arm, peak, numerator):
    return across(arm, lambda run: run.summary(f"mfu_{peak}_{numerator}")[0], MACHINE)


def draw(table):
    labels = table.distinct("configuration")
    figure = style.new_figure(style.COLUMN, 0.9 + 0.32 * len(labels))
    axes = figure.subplots()
    for number, (numerator, (colour, marker)) in enumerate(NUMERATORS.items()):
        part = table.where(numerator=numerator)
        rows = np.arange(len(labels)) + 0.13 * (number - 2)
        look = {"color": colour, "marker": marker, "linestyle": "none"}
        style.whiskers(axes, rows, part, "mfu", WORDS[numerator], down=True, **look)
    style.arms_down(axes, labels)
    if np.nanmax(table["mfu"], initial=0) > 1:
        axes.axvline(1, color="black", linewidth=0.7, linestyle=":")
    axes.set(xlabel="model FLOPs utilisation\n(share of the peak)", xlim=(0, None))
    ticks = MaxNLocator(MOST_TICKS).tick_values(0, axes.get_xlim()[1])
    axes.set_xticks(ticks[ticks <= axes.get_xlim()[1]])  # now, so that the layout has room for the last one
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x")
    style.legend(axes)
    return figure
