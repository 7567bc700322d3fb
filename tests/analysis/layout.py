"""What is wrong with the layout of a figure, found by drawing it: text outside the canvas, over axes, or over other text."""

import itertools
import warnings
from unittest import mock

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.text import Text

SMALLEST = 5  # points, of text that can be read in print
GAP = 2.0  # pixels, between numbers along an axis
LITTLE = 1.0  # pixels of 100 in an inch, by which boxes may touch


def faults(figure):
    """One sentence each; a warning of matplotlib is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        texts, legends = _drawn(figure)
    boxes = [(text, _smaller(text.get_window_extent())) for text in texts]
    yield from (f"{_name(text)} leaves the canvas" for text, box in boxes if not _holds(figure.bbox, box))
    for axes in figure.axes:
        inside = _smaller(axes.patch.get_window_extent())
        yield from _too_small(axes)
        own = set(axes.texts)
        yield from (f"{_name(text)} covers axes" for text, box in boxes if text not in own and inside.overlaps(box))
        yield from ("a legend covers axes" for legend in legends if inside.overlaps(_smaller(legend.get_window_extent())))
        yield from _faults_of_ticks(axes)
    yield from (f"{_name(text)} is {text.get_fontsize():.1f} points small" for text in texts if text.get_fontsize() < SMALLEST)
    yield from (f"{_name(text)} is matplotlib's mathematics" for text in texts if "mathdefault" in text.get_text())
    for legend in legends:
        inside = _smaller(legend.get_window_extent())
        own = {*legend.get_texts(), legend.get_title()}
        yield from (f"{_name(text)} stands in a legend" for text, box in boxes if text not in own and inside.overlaps(box))
    for (one, box), (other, its) in itertools.combinations(boxes, 2):
        if box.overlaps(its):
            yield f"{_name(one)} and {_name(other)} overlap"


def _drawn(figure):
    """The texts and legends that are drawn, not those that merely exist, such as labels of ticks out of view."""
    texts, legends = [], []
    draw_text, draw_legend = Text.draw, Legend.draw

    def text(self, renderer):
        if self.get_visible() and self.get_text().strip():
            texts.append(self)
        draw_text(self, renderer)

    def legend(self, renderer):
        legends.append(self)
        draw_legend(self, renderer)

    canvas = FigureCanvasAgg(figure)
    with mock.patch.object(Text, "draw", text), mock.patch.object(Legend, "draw", legend):
        canvas.draw()
    return list(dict.fromkeys(texts)), list(dict.fromkeys(legends))


def _smaller(box):
    return box.padded(-LITTLE)


def _holds(outer, box):
    return box.x0 >= outer.x0 and box.y0 >= outer.y0 and box.x1 <= outer.x1 and box.y1 <= outer.y1


def _faults_of_ticks(axes):
    """Numbers along an axis want a gap; none stands on a factor or an offset that is told elsewhere."""
    for axis, along in ((axes.xaxis, "x"), (axes.yaxis, "y")):
        if axis.get_offset_text().get_text():
            yield f"the {along} axis has the offset {axis.get_offset_text().get_text()!r}"
        labels = [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible() and tick.label1.get_text()]
        spans = sorted(
            (_span(label, along), label.get_text()) for label in labels if axes.axison and _in_view(label, axes, along)
        )
        for (one, text), (other, its) in itertools.pairwise(spans):
            if one[1] + (GAP if along == "x" else 0) > other[0]:
                yield f"numbers {text!r} and {its!r} along {along} touch"


def _span(label, along):
    box = label.get_window_extent()
    return (box.x0, box.x1) if along == "x" else (box.y0, box.y1)


def _in_view(label, axes, along):
    low, high = (axes.bbox.x0, axes.bbox.x1) if along == "x" else (axes.bbox.y0, axes.bbox.y1)
    middle = sum(_span(label, along)) / 2
    return low - 1 <= middle <= high + 1


def _too_small(axes):
    """What is drawn needs some room; a colour bar is narrow."""
    box = axes.get_window_extent()
    if (
        axes.axison
        and axes.get_label() != "<colorbar>"
        and (box.width < 0.25 * axes.figure.bbox.width / _columns(axes) or box.height < 60)
    ):
        yield f"axes of {box.width:.0f} x {box.height:.0f} pixels are too small"


def _columns(axes):
    return axes.get_subplotspec().get_gridspec().ncols


def _name(text):
    return repr(text.get_text())
