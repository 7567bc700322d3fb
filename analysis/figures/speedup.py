"""Tokens per second of each configuration over those of the baseline, with the interval of the paired or unpaired effect."""

import effects
import style
from claims import Comparison
from measures import measure

OF = "comparison"


def table(study):
    baseline = study.baseline()
    arms = study.free_arms()
    others = [arm for arm in arms if arm is not baseline]
    return effects.table(
        [Comparison(arm.label, measure("tokens_per_second"), baseline, arm) for arm in others],
        f"free launches against {baseline.label}",
        claiming=not study.contrasts,
    )


def draw(table):
    figure = style.new_figure(style.COLUMN, 1.2 + 0.25 * len(table))
    effects.draw(figure.subplots(), table, "ratio of tokens per second")
    return figure
