"""Step time that the rows of the busiest rank let expect of forced routing, over that of the same configuration whose gate chose.

docs/figures_and_statistics.md, "Predicted time", defines it."""

import numpy as np

from comparison import compare
from launch_statistics import Estimate
from measures import measure

EXPERTS = "experts"
NONE = Estimate(np.nan, np.nan, np.nan, 0)


def ratio(natural, forced):
    """Of two arms; no number where no phased launch of `natural` tells the time of its experts."""
    share = _share_of_experts(natural)
    rows = compare(natural, forced, measure("busiest_rank_rows"), ratio=True).estimate
    if not np.isfinite([share, rows.value]).all():
        return NONE
    return Estimate(*(1 + share * (number - 1) for number in (rows.value, rows.low, rows.high)), rows.n)


def _share_of_experts(arm):
    """Of the step of its phased launches, median over them."""
    phased = [run for run in arm.told_apart() if run.phased() and not run.oversubscribed()]
    return np.median([_of(run) for run in phased]) if phased else np.nan


def _of(run):
    """Time of the experts on the rank where they take longest, over the step of the slowest rank."""
    names = run.names("phase")
    experts = run.steady_mean("raw/phase_seconds", times=True)[:, names.index(EXPERTS)]
    return experts.max() / run.steady_mean("raw/step_seconds", times=True).max()
