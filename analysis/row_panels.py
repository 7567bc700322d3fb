"""Panels of one measure each beside each other, with a row for each arm in all of them."""

import numpy as np
from matplotlib.ticker import MaxNLocator

import style
from table import Table

ROW = 0.25  # inches


def draw(table, labels, filled, scales=None, line=None, bars=None):
    """`labels`: measure -> name of its axis; `filled`: the column that says whose marker is; `scales`: by which values are
    multiplied; `line`: where a dotted one stands; `bars`: a column that black bars show, where it has a number."""
    measures, arms = table.distinct("measure"), table.distinct("configuration")
    figure = style.new_figure(style.PAGE, 0.75 + ROW * max(3, len(arms)))
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        if line is not None:
            axes.axvline(line, color="black", linewidth=0.5, linestyle=":")
        part = table.where(measure=measure)
        if bars:
            axes.plot(part[bars], range(len(part)), color="black", marker="|", markersize=10, linestyle="none", zorder=3)
        _points(axes, part, filled, (scales or {}).get(measure, 1))
        axes.set_xlabel(labels[measure])
    style.arms_down(panels[0], arms)
    return figure


def _points(axes, table, filled, scale):
    for row in range(len(table)):
        part = table.at([row])
        colour, marker = style.arm(str(part["configuration"][0]))
        look = {"color": colour, "marker": marker, "markersize": 4.5, **({} if part[filled][0] else style.OPEN)}
        scaled = Table("", **{name: ("", part[name] * scale) for name in ("value", "low", "high")})
        style.whiskers(axes, [row], scaled, "value", None, down=True, **look)
        if not np.isfinite(part["value"][0]):
            axes.text(0.04, row, "-", transform=axes.get_yaxis_transform(), va="center", fontsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.grid(axis="x")
    style.at_least(axes, 0.02)


def counted(rows):
    """ "seeds: n = 6" of (n, what) pairs."""
    counts = {what: [n for n, of in rows if of == what] for what in dict.fromkeys(of for _, of in rows)}
    return ", ".join(f"{what}: n = {min(n)}{f' to {max(n)}' if max(n) > min(n) else ''}" for what, n in counts.items())
