"""Seconds of a step against ranks with the work of a rank kept, and the line of an unchanged time."""

import scaling
import style

OF = "comparison"


def table(study):
    return scaling.table(study, _work, "step_seconds", lambda value, ranks, first: value)


def _work(arm):
    return f"{scaling.tokens_of_a_step(arm) / arm.configuration['layout.ranks']:,.0f} tokens a rank"


def draw(table):
    figure = scaling.draw(table, "seconds per step")
    style.from_zero(figure.axes[0])
    return figure
