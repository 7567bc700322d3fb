"""Tokens per second against ranks with the work of a step kept, and the line of a speed in proportion to ranks."""

import scaling

OF = "comparison"


def table(study):
    return scaling.table(study, _work, "tokens_per_second", lambda value, ranks, first: value * ranks / first)


def _work(arm):
    return f"{scaling.tokens_of_a_step(arm):,} tokens a step"


def draw(table):
    figure = scaling.draw(table, "tokens per second")
    axes = figure.axes[0]
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return figure
