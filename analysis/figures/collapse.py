"""Whether routers collapse, and come back: share of experts that no token chose in a window of steps, and load of the busiest
expert."""

import over_steps

OF = "study"
DATASETS = {"dead_fraction": "derived/dead_fraction_over_window", "imbalance": "derived/imbalance/experts/max_over_mean"}
LABELS = {"dead_fraction": "experts without\na choice (share)", "imbalance": "busiest expert\n(max / mean)"}


def table(study):
    return over_steps.table(study, DATASETS)


def draw(table):
    return over_steps.draw(table, LABELS, shares=["dead_fraction"])
