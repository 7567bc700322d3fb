"""One layout for every figure: sizes of the paper, bars and curves, legends, rows and captions. What has which colour is in
looks.py."""

from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import lettering
from looks import CYCLE, LOAD_COLOURS, MARK, METHODS, NOTE

# Widths in inches of one column and of the page: drawn at that size, never scaled.
PAPERS = {"ieee": (3.5, 7.16), "acm": (3.33, 7.0), "neurips": (5.5, 5.5), "icml": (3.25, 6.75)}
COLUMN, PAGE = 0, 1

LEAST_SPREAD = 0.02  # of the colours about an even share
MANY_CURVES, MANY_BARS = 4, 32
WIDEST = 0.06  # share of the axis, of points at one x side by side
OPEN = {
    "markerfacecolor": "white",
    "markeredgewidth": 0.7,
}  # of a marker; no face at all would show whiskers, as if it were filled
ROW_NAME = 1.3  # inches, of a row's name

_paper = "ieee"
_arms = {}
_baseline = ""


def apply(paper="ieee"):
    global _paper
    _paper = paper
    matplotlib.style.use(["default", str(Path(__file__).with_name("moescope.mplstyle"))])  # whatever a user's own settings are


def name_arms(labels, gates=None, baseline=""):
    """Gives each arm of a study its colour and marker, the same in all figures: a method has its own, others take turns. `gates`:
    label -> the gate that an arm stands for under another name. The name of the `baseline` is bold in rows."""
    global _baseline
    lettering.number_from(labels)
    _baseline = lettering.shown(baseline)
    methods = {lettering.shown(label): METHODS.get(label) or METHODS.get((gates or {}).get(label)) for label in labels}
    _arms.clear()
    for label, look in methods.items():
        if look and look not in _arms.values():
            _arms[label] = look
    taken = {colour for colour, _ in _arms.values()}
    free = sorted((look for look in CYCLE if look not in _arms.values()), key=lambda look: look[0] in taken)
    unnamed = [label for label in methods if label not in _arms]
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
    edge = 0.3 if len(places) <= MANY_BARS else 0
    shared = {"color": colour, "hatch": hatch, "edgecolor": "black", "linewidth": edge, "label": label}
    return axes.barh(places, lengths, left=start, **shared) if horizontal else axes.bar(places, lengths, bottom=start, **shared)


def whiskers(axes, at, table, value, label, down=False, **look):
    """Markers of column `value` with the interval columns `low` and `high`, over `at` or, where `down`, in rows `at`; a point
    without an interval has no whiskers."""
    some = slice(None) if np.isfinite(table[value]).any() else slice(0)
    of, low, high = (table[name][some] for name in (value, "low", "high"))
    places, spread = np.asarray(at)[some], np.nan_to_num(np.abs(np.array([of - low, high - of])))
    x, y, direction = (of, places, "xerr") if down else (places, of, "yerr")
    interval = {direction: spread, "capsize": 2} if np.isfinite([low, high]).any() else {}
    axes.errorbar(x, y, **interval, label=told(label, of), elinewidth=0.7, **look)


def curve(axes, x, y, label, look, number=0, of=1, band=(), width=0.8, line="-"):
    """A line, in a band from the first to the second of `band`, with a few markers that stand beside those of the others of `of`
    curves: of curves that coincide each is seen."""
    colour, marker = look
    every = max(1, len(x) // 6, min(of, len(x) // 2))
    drawn = {"color": colour, "marker": marker, "markevery": (number * every // of, every), "linewidth": width, "linestyle": line}
    if band:
        axes.fill_between(x, *band, color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, y, label=told(label, y), **drawn)


def beside(x, number, of, share=0.012):
    """Places of the points of one of `of` curves, so that those at one x stand side by side; `share` of the axis between two,
    less of many."""
    x, share = np.asarray(x, float), min(share, WIDEST / max(1, of - 1))
    return x + (number - (of - 1) / 2) * share * np.ptp(x) if len(x) else x


def load_map(axes, load, **how):
    """Loads over an even share as an image, and its colour bar."""
    image = load_image(axes, load, load_norm(load), **how)
    load_bar(axes.figure, image, axes, "load (1: an even share)", aspect=12)
    return image


def load_norm(load):
    """Colours symmetric about an even share and as wide as the data."""
    spread = max(LEAST_SPREAD, np.abs(load - 1).max(where=np.isfinite(load), initial=0))
    return Normalize(1 - spread, 1 + spread)


def load_image(axes, load, norm, **how):
    return axes.imshow(load, cmap=LOAD_COLOURS, norm=norm, aspect="auto", interpolation="nearest", **how)


def load_bar(figure, image, beside, label, **how):
    """The colour bar of one or several such images; no load is below 0."""
    bar = figure.colorbar(image, ax=beside, label=label, **how)
    bar.ax.set_ylim(max(0, image.norm.vmin), image.norm.vmax)
    bar.ax.locator_params(nbins=5)


def legend(axes, title=None):
    """Above the axes; of `_arrangements` the one with fewest rows, by which the figure grows."""
    handles, labels = axes.get_legend_handles_labels()
    figure = axes.figure
    columns, size, place = min(_arrangements(axes, labels), key=lambda arrangement: -(-len(labels) // arrangement[0]))
    rows = -(-len(labels) // columns) + (title is not None)
    figure.set_figheight(figure.get_figheight() + (0.16 if size == 7 else 0.145) * rows)
    look = {"borderaxespad": 0.2, "columnspacing": 1, "alignment": "left", "fontsize": size}
    axes.legend(handles, labels, ncols=columns, title=title, **place, **look)


def _arrangements(axes, labels):
    """(columns, points, place) from the axes' left edge; from that of the figure, over names of rows; and so, of many curves, in
    smaller letters."""
    figure = axes.figure
    beside = (axes.get_tightbbox().width - axes.bbox.width) / figure.dpi  # names of rows and the like
    room = figure.get_figwidth() / axes.get_gridspec().ncols - 0.15
    over_axes, over_all = ({"loc": f"lower {side}", "bbox_to_anchor": (x, 1)} for side, x in (("left", 0), ("right", 1)))
    for width, size, place in ((room - beside, 7, over_axes), (room, 7, over_all), (room, 6, over_all)):
        widest = max(lettering.width(label, size) for label in labels) + 0.34  # with its line or patch and the gap to the next
        if size == 7 or len(labels) > MANY_CURVES:
            yield int(np.clip(width / widest, 1, len(labels))), size, place


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


def ranks_along(axes, ranks):
    """Bars of ranks: not wide where there are few, and few numbers below many."""
    axes.set_xticks(ranks[:: -(-len(ranks) // (8 if len(ranks) <= 100 else 5))])
    axes.margins(x=0.2 if len(ranks) < 8 else 0.02)


def remarks(axes, ends, texts):
    """Words behind the end of each row's bar, for which the x axis, from 0, keeps room."""
    for row, (end, text) in enumerate(zip(ends, texts, strict=True)):
        axes.annotate(text, (end, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=6)
    inside = axes.figure.get_figwidth() - ROW_NAME  # about
    room = inside - max(lettering.width(text, 6) for text in texts) - 0.15
    axes.set_xlim(0, (max(ends) or 1) * inside / room)


def at_least(axes, width):
    """The x axis not narrower than `width` times its middle: what differs by less stands together."""
    low, high = axes.get_xlim()
    middle = (low + high) / 2
    if high - low < width * abs(middle):
        axes.set_xlim(middle * (1 - width / 2), middle * (1 + width / 2))


def arms_down(axes, labels):
    """A row for each arm or comparison, from the top down; long names take several lines, for which the figure grows."""
    lines = [lettering.broken(label, ROW_NAME, 7) for label in labels]
    axes.set_yticks(range(len(labels)), ["\n".join(name) for name in lines])
    for text, label in zip(axes.get_yticklabels(), labels, strict=True):
        text.set_fontweight("bold" if label == _baseline else "normal")
    axes.set_ylim(len(labels) - 0.4, -0.6)
    most = max(map(len, lines), default=1)
    axes.figure.set_figheight(axes.figure.get_figheight() + 0.13 * max(0, most - 2) * len(labels))


def of_baseline(figure):
    """Says what is bold, where anything is."""
    texts = [text for axes in figure.axes for text in axes.get_yticklabels()]
    return "; bold: the baseline" if any(text.get_fontweight() == "bold" for text in texts) else ""


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
