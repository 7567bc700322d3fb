"""One look for every figure: sizes of the paper, and a fixed colour with a hatch or marker for each phase, method and arm."""

import re
import textwrap
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

# Widths in inches of one column and of the page: drawn at that size, never scaled.
PAPERS = {"ieee": (3.5, 7.16), "acm": (3.33, 7.0), "neurips": (5.5, 5.5), "icml": (3.25, 6.75)}
COLUMN, PAGE = 0, 1

LOAD_COLOURS = "PuOr_r"  # diverging, centred at an even load

# Okabe and Ito's colours; the hatch tells apart what prints alike in grey.
PHASES = {
    "data": ("#999999", ""),
    "embedding": ("#F0E442", ""),
    "attention": ("#0072B2", ""),
    "gate": ("#CC79A7", ""),
    "dispatch": ("#E69F00", "///"),
    "experts": ("#009E73", ""),
    "combine": ("#E69F00", "\\\\\\"),
    "head": ("#56B4E9", "..."),
    "communication": ("#D55E00", ""),
    "gradients": ("#D55E00", "xxx"),
    "optimizer": ("#56B4E9", ""),
    "record": ("#999999", "///"),
}
OTHER_PHASE = ("#FFFFFF", "")
WHOLE_STEP = "#999999"
AXES = {
    "tp": ("#0072B2", ""),
    "ep": ("#E69F00", "///"),
    "etp": ("#CC79A7", "..."),
    "expert_block": ("#F0E442", "xxx"),
    "edp": ("#56B4E9", "\\\\\\"),
    "dp": ("#009E73", ""),
    "world": ("#999999", ""),
}
PURPOSES = {
    "parameters": ("#0072B2", ""),
    "gradients": ("#D55E00", "xxx"),
    "optimizer": ("#56B4E9", ""),
    "activations": ("#009E73", "///"),
}
NUMERATORS = {
    "megatron_causal": ("#0072B2", "o"),
    "non_causal": ("#D55E00", "s"),
    "six_n_active": ("#009E73", "^"),
    "six_n_total": ("#CC79A7", "D"),
    "executed": ("#000000", "x"),
}
OPERATIONS = {"all_reduce": "o", "all_gather": "s", "reduce_scatter": "^", "all_to_all": "D"}
METHODS = {
    "noisy_top_k": ("#0072B2", "o"),
    "switch": ("#D55E00", "s"),
    "uniform": ("#009E73", "^"),
    "uniform_learnable": ("#56B4E9", "v"),
    "random": ("#CC79A7", "D"),
    "random_learnable": ("#E69F00", "P"),
    "local": ("#000000", "o"),
    "all_to_all": ("#0072B2", "s"),
    "all_gather": ("#D55E00", "^"),
}
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"]
MARKERS = "os^DvPX*"
CYCLE = [(COLOURS[i % 8], MARKERS[(i + i // 8) % 8]) for i in range(64)]  # no colour and marker twice together
WAIT = ("#FFFFFF", "////")
TRANSFER = ("#D55E00", "")
MARK = "#B00000"

_paper = "ieee"
_arms = {}


def apply(paper="ieee"):
    global _paper
    _paper = paper
    matplotlib.style.use(str(Path(__file__).with_name("moescope.mplstyle")))


def name_arms(labels):
    """Gives each arm of a study its colour and marker, the same in all figures: a method has its own, others take turns."""
    _arms.clear()
    taken = {METHODS[label] for label in labels if label in METHODS}
    free = [look for look in CYCLE if look not in taken]
    unnamed = [label for label in labels if label not in METHODS]
    _arms.update({label: METHODS[label] for label in labels if label in METHODS})
    _arms.update({label: free[number % len(free)] for number, label in enumerate(unnamed)})


def arm(label):
    """(colour, marker)"""
    if label not in _arms:
        _arms[label] = METHODS.get(label) or CYCLE[len(_arms) % len(CYCLE)]
    return _arms[label]


def new_figure(width, height):
    """`width`: COLUMN or PAGE of the paper; `height` in inches."""
    return Figure(figsize=(PAPERS[_paper][width], height), layout="constrained")


def bar(axes, places, lengths, start, look, label, horizontal=False):
    """One part of stacked bars."""
    colour, hatch = look
    shared = {"color": colour, "hatch": hatch, "edgecolor": "black", "linewidth": 0.3, "label": label}
    return axes.barh(places, lengths, left=start, **shared) if horizontal else axes.bar(places, lengths, bottom=start, **shared)


def whiskers(axes, table, x, y, label, **look):
    """Markers at column `y` with the interval columns `low` and `high`; a point without an interval has no whiskers."""
    spread = np.nan_to_num(np.abs(np.array([table[y] - table["low"], table["high"] - table[y]])))
    axes.errorbar(table[x], table[y], spread, label=label, capsize=2, elinewidth=0.7, **look)


def legend(axes, above=False):
    """Up to three entries inside; more, or where bars and lines would lie under them, above; the figure then grows by as much."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) <= 3 and not above:
        axes.legend()
        return
    figure = axes.figure
    characters = 14 * figure.get_figwidth()  # of 7 pt that fit beside each other, the margins taken off
    columns = max(1, min(len(labels), int(characters / (max(map(len, labels)) + 6))))
    figure.set_figheight(figure.get_figheight() + 0.15 * -(-len(labels) // columns))
    axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncol=columns, borderaxespad=0.2, columnspacing=1)


def from_zero(axes):
    """The y axis from 0 to a little above the highest point."""
    axes.set_ylim(0, 1.08 * max(axes.dataLim.y1, 1e-300))


def whole_steps(axes):
    """No tick between two steps."""
    axes.xaxis.get_major_locator().set_params(integer=True)


def arms_down(axes, labels):
    """A row for each arm or comparison, from the top down; long names take several lines, for which the figure grows."""
    broken = [_broken(label) for label in labels]
    axes.set_yticks(range(len(labels)), broken)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    lines = max((label.count("\n") + 1 for label in broken), default=1)
    axes.figure.set_figheight(axes.figure.get_figheight() + 0.13 * max(0, lines - 2) * len(labels))


def _broken(label, characters=22):
    """At commas and slashes only, so that a name and its value stay together."""
    lines = [""]
    for part in re.split(r"(?<=, )|(?<= / )", label):
        if lines[-1] and len(lines[-1] + part.rstrip()) > characters:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def of_launches(n):
    """What the points and whiskers are."""
    few, most = min(n), max(n)
    return medians(n) + (
        ""
        if most == 1
        else ", 95 % interval"
        if few >= 6
        else ", 95 % interval from 6 on"
        if most >= 6
        else ": too few for an interval"
    )


def medians(n):
    """How many launches stand behind the numbers."""
    few, most = min(n), max(n)
    return (
        "one launch each: no interval" if most == 1 else f"median of launches, n = {few}" + (f" to {most}" if most > few else "")
    )


def caption(figure, note, marks):
    """Below the figure: what is drawn, and in red what makes runs' numbers not to be taken at face value."""
    characters = int(20 * figure.get_figwidth())  # of 6 pt
    texts = (note, "#555555"), ("; ".join(marks), MARK)
    lines = [(line, colour) for text, colour in texts for line in textwrap.wrap(text, characters)]
    if not lines:
        return
    below = 0.1 * len(lines) + 0.04  # inches
    height = figure.get_figheight() + below
    figure.set_figheight(height)
    figure.get_layout_engine().set(rect=(0, below / height, 1, 1 - below / height))
    for number, (line, colour) in enumerate(reversed(lines)):
        figure.text(0.01, (0.03 + 0.1 * number) / height, line, fontsize=6, color=colour, va="bottom")
