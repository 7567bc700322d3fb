"""The comparisons that were declared before the runs, each with its effect, interval and Holm's adjustment over all of them."""

import claims
import effects
import headline_cells
import style
from run_file import NotDrawn

OF = "comparison"


def table(study):
    if not study.contrasts:
        raise NotDrawn("no [[contrast]] was declared (--sweep FILE).")
    comparisons, absent = claims.declared(study)
    if not comparisons:
        raise NotDrawn("no declared contrast has launches of both its arms.")
    title = "; ".join(["declared contrasts", *(f"{name}: no launches" for name in absent)])
    return effects.table(comparisons, title, absent=len(absent))


def draw(table):
    measures = table.distinct("measure")
    heights = [1 + 0.25 * len(table.where(measure=name)) for name in measures]
    figure = style.new_figure(style.COLUMN, sum(heights))
    panels = figure.subplots(len(measures), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, name in zip(panels, measures, strict=True):
        part, label = table.where(measure=name), headline_cells.words(name)
        effects.draw(axes, part, f"ratio of {label}" if part["effect"][0] == "ratio" else label)
    return figure
