"""One look for every figure: sizes of the paper, and a fixed colour with a hatch or marker for each phase, method and arm."""

from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

import lettering

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
    "checks": ("#999999", "..."),
    "record": ("#999999", "///"),
}
BETWEEN_STEPS = ("checks", "record")
OTHER_PHASE = ("#FFFFFF", "")
WHOLE_STEP = "#999999"
AXES = {
    "tp": ("#0072B2", ""),
    "ep": ("#E69F00", "///"),
    "etp": ("#CC79A7", "..."),
    "expert_block": ("#F0E442", "xxx"),
    "edp": ("#56B4E9", "\\\\\\"),
    "dp": ("#009E73", ""),
    "stage": ("#999999", ""),
    "world": ("#000000", ""),
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
NOTE, MARK = "#555555", "#B00000"
ROW_NAME = 1.3  # inches, of a row's name

_paper = "ieee"
_arms = {}


def apply(paper="ieee"):
    global _paper
    _paper = paper
    matplotlib.style.use(["default", str(Path(__file__).with_name("moescope.mplstyle"))])  # whatever a user's own settings are


def name_arms(labels):
    """Gives each arm of a study its colour and marker, the same in all figures: a method has its own, others take turns."""
    lettering.number_from(labels)
    labels = [lettering.shown(label) for label in labels]
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


def whiskers(axes, at, table, value, label, down=False, **look):
    """Markers of column `value` with the interval columns `low` and `high`, over `at` or, where `down`, in rows `at`; a point
    without an interval has no whiskers."""
    some = slice(None) if np.isfinite(table[value]).any() else slice(0)
    of, low, high = (table[name][some] for name in (value, "low", "high"))
    places, spread = np.asarray(at)[some], np.nan_to_num(np.abs(np.array([of - low, high - of])))
    x, y, direction = (of, places, "xerr") if down else (places, of, "yerr")
    axes.errorbar(x, y, **{direction: spread}, label=told(label, of), capsize=2, elinewidth=0.7, **look)


def legend(axes, title=None):
    """Above the axes, in as many columns as have room; the figure grows by as much."""
    handles, labels = axes.get_legend_handles_labels()
    figure, around, inside = axes.figure, axes.get_tightbbox(), axes.bbox
    beside = (around.width - inside.width) / figure.dpi  # names of rows and the like, whose width the layout keeps
    widest = max(map(lettering.width, labels)) + 0.36  # with its line or patch and the gap to the next
    columns = int(np.clip((figure.get_figwidth() - beside) / widest, 1, len(labels)))
    rows = -(-len(labels) // columns) + (title is not None)
    figure.set_figheight(figure.get_figheight() + 0.16 * rows)
    look = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2, "columnspacing": 1, "alignment": "left"}
    axes.legend(handles, labels, ncols=columns, title=title, **look)


def legend_beside(axes):
    """To the right of stacked bars, in their order from the top down."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5))


def told(label, values):
    """The name of a curve, which says where there is nothing of it to draw."""
    return label if np.isfinite(values).any() else f"{label}: not finite"


def from_zero(axes):
    """The y axis from 0 to a little above the highest point."""
    highest = axes.dataLim.y1
    axes.set_ylim(0, 1.08 * highest if 0 < highest < np.inf else 1)


def whole_steps(axes):
    """No tick between two steps."""
    axes.xaxis.get_major_locator().set_params(integer=True)


def arms_down(axes, labels):
    """A row for each arm or comparison, from the top down; long names take several lines, for which the figure grows."""
    lines = [lettering.broken(label, ROW_NAME, 7) for label in labels]
    axes.set_yticks(range(len(labels)), ["\n".join(name) for name in lines])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    most = max(map(len, lines), default=1)
    axes.figure.set_figheight(axes.figure.get_figheight() + 0.13 * max(0, most - 2) * len(labels))


def of_launches(n):
    """What the points and whiskers are."""
    return medians(n) + _intervals(n)


def of_seeds(n, launches):
    """The same of what the seed decides; `n`: seeds, `launches`: of each arm."""
    return medians_of_seeds(n, launches) + _intervals(n)


def _intervals(n):
    few, most = min(n), max(n)
    return (
        ""
        if most == 1
        else ", 95 % interval"
        if few >= 6
        else ", 95 % interval from 6 on"
        if most >= 6
        else ": too few for an interval"
    )


def medians(n, of="launches"):
    """How many launches stand behind the numbers."""
    few, most = min(n), max(n)
    return "one launch each: no interval" if most == 1 else f"median of {of}, n = {few}" + (f" to {most}" if most > few else "")


def medians_of_seeds(n, launches):
    """How many seeds, and that launches of one are one sample."""
    if max(n) < max(launches) and max(n) == 1:
        return f"n = 1 seed: the launches of one seed are one sample ({max(launches)} here), no interval"
    return medians(n, "seeds")


def caption(figure, note, marks, key=()):
    """Below the figure: what is drawn, whose numbers stand for long names, and in red what makes runs' numbers not to be taken at
    face value."""
    texts = [(note, NOTE), *((name, NOTE) for name in key), ("; ".join(marks), MARK)]
    room = figure.get_figwidth() - 0.1
    lines = [
        (line, colour)
        for text, colour in texts
        for line in lettering.broken(lettering.drawable(text), room, 6, lettering.WORDS)
        if text
    ]
    if not lines:
        return
    below = 0.1 * len(lines) + 0.04  # inches
    height = figure.get_figheight() + below
    figure.set_figheight(height)
    figure.get_layout_engine().set(rect=(0, below / height, 1, 1 - below / height))
    for number, (line, colour) in enumerate(reversed(lines)):
        figure.text(0.01, (0.03 + 0.1 * number) / height, line, fontsize=6, color=colour, va="bottom")
