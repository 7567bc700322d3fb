"""The comparisons that were declared before the runs, each with its effect, interval and Holm's adjustment over all of them."""

import effects
import style
from measures import measure
from run_file import NotDrawn

OF = "comparison"


def table(study):
    if not study.contrasts:
        raise NotDrawn("no [[contrast]] was declared (--sweep FILE).")
    able = [contrast for contrast in study.contrasts if study.has(contrast.get("first", {}), contrast.get("second", {}))]
    absent = [contrast.get("name", "?") for contrast in study.contrasts if contrast not in able]
    if not able:
        raise NotDrawn("no declared contrast has launches of both its arms.")
    title = "; ".join(["declared contrasts", *(f"{name}: no launches" for name in absent)])
    return effects.table([effects.declared(study, contrast, measure) for contrast in able], title, absent=len(absent))


def draw(table):
    measures = table.distinct("measure")
    heights = [1 + 0.25 * len(table.where(measure=name)) for name in measures]
    figure = style.new_figure(style.COLUMN, sum(heights))
    panels = figure.subplots(len(measures), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, name in zip(panels, measures, strict=True):
        part, label = table.where(measure=name), name.replace("_", " ")
        effects.draw(axes, part, f"ratio of {label}" if part["effect"][0] == "ratio" else label)
    return figure
