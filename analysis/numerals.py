"""Numbers at the ticks of an axis: each is whole in itself, without an offset or a factor that stands elsewhere."""

import itertools
import math

from matplotlib.ticker import Formatter, ScalarFormatter

SMALLEST, LARGEST = 1e-4, 1e7  # beyond, 2e-07


class Plain(Formatter):
    """As many decimals as the distance of ticks asks for, the same at all of them."""

    def __init__(self):
        self._decimals, self._short = 0, False

    def set_locs(self, locs):
        self.locs = locs
        gaps = [abs(b - a) for a, b in itertools.pairwise(locs) if b != a and math.isfinite(b - a)]
        largest = max((abs(at) for at in locs if math.isfinite(at)), default=0)
        self._short = largest > LARGEST or 0 < largest < SMALLEST
        self._decimals = _decimals(min(gaps)) if gaps else 2

    def __call__(self, x, pos=None):
        text = f"{x:.3g}" if self._short else f"{x:,.{self._decimals}f}"
        return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "\N{MINUS SIGN}", 1)


def _decimals(gap):
    """The fewest that show steps of `gap`, such as two of 0.25."""
    return next((digits for digits in range(9) if abs(round(gap, digits) - gap) < 1e-3 * gap), 9)


def everywhere(figure):
    """In place of matplotlib's own, on all axes for which a figure has asked for no other."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if type(axis.get_major_formatter()) is ScalarFormatter:
                axis.set_major_formatter(Plain())
