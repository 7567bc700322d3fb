"""The table that a report begins with: configurations x what is asked first, medians over samples with interval and n.

The best of a column is marked where it is the better side of a declared contrast on that column in which a difference is claimed,
and nowhere else: a best median alone says nothing."""

import math

import numpy as np

import claims
import launch_statistics
from comparison import across, untold
from launch_statistics import Estimate
from measures import AXES, OF_HELD_OUT_TEXT, OF_ROUTING, PEAKS, measure
from run_file import NotDrawn
from table import Table

NUMERATOR = "megatron_causal"  # of the one utilisation that is shown
PANELS = {
    "what is learned, and how evenly": (
        *OF_HELD_OUT_TEXT,
        *("imbalance_expert", "imbalance_rank", "dropped_fraction"),
    ),
    "what is sent": tuple(f"payload_bytes_per_token/{axis}" for axis in AXES),
    "what it costs": (
        *("tokens_per_second", "step_seconds", *(f"mfu_{peak}_{NUMERATOR}" for peak in PEAKS)),
        *("memory_bytes", "joules_per_token"),
    ),
}
OF_A_STEP = ("step_seconds",)  # comparable where all steps are of equally many tokens
WORK_OF_A_STEP = {"batch.sequences", "batch.sequence_length"}
SCALES_OF = dict.fromkeys(OF_HELD_OUT_TEXT, "held_out_loss")  # one is won where the other is


def table(study):
    """A row for each configuration and measure, in the order of PANELS; measures without a number anywhere are left out."""
    won = _won(study)
    rows = []
    for panel, names in PANELS.items():
        for each in (measure(name) for name in names):
            estimates = [_estimate(arm, each) for arm in study.arms]
            if _is_told(each.name, estimates):
                best = _best(estimates, each)
                rows += [
                    (panel, arm.label, each, estimate, estimate.value == best and arm.label in won.get(each.name, ()))
                    for arm, estimate in zip(study.arms, estimates, strict=True)
                ]
    if not rows:
        raise NotDrawn("no configuration has any number of the headline table.")
    panel, label, measures, estimates, best = zip(*rows, strict=True)
    return Table(
        note(study),
        panel=("", panel),
        configuration=("", label),
        measure=("", [each.name for each in measures]),
        unit=("", [each.unit for each in measures]),
        value=("", [estimate.value for estimate in estimates]),
        low=("", [estimate.low for estimate in estimates]),
        high=("", [estimate.high for estimate in estimates]),
        n=("", [estimate.n for estimate in estimates]),
        of=("", [claims.UNITS[each.decided_by] for each in measures]),
        best=("", list(best)),
    )


def _estimate(arm, each):
    if each.name in OF_ROUTING and not arm.routed():
        return untold(arm, each.decided_by)
    return across(arm, each.of_or_nan, each.decided_by)


def _is_told(name, estimates):
    """An axis over which nobody sends anything is no column."""
    values = np.array([estimate.value for estimate in estimates])
    return np.isfinite(values).any() and not ("/" in name and (np.nan_to_num(values) == 0).all())


def _best(estimates: list[Estimate], each):
    values = [estimate.value for estimate in estimates if math.isfinite(estimate.value)]
    return (max if each.more_is_better else min)(values)


def _won(study):
    """measure -> labels of the better sides of contrasts in which a difference is claimed."""
    won, same_work = {}, not WORK_OF_A_STEP.intersection(study.varied)
    for judgement in claims.of(study)[0]:
        comparable = same_work or judgement.comparison.measure.name not in OF_A_STEP
        if (winner := judgement.winner()) and comparable:
            won.setdefault(judgement.comparison.measure.name, set()).add(winner.label)
    return won | {scale: won[name] for scale, name in SCALES_OF.items() if name in won}


def note(study):
    """What every number of the table is."""
    seeds, launches = ([len(of(arm)) for arm in study.arms] for of in (lambda arm: arm.one_of_each_seed(), lambda arm: arm.runs))
    few = min(min(seeds), min(launches)) < launch_statistics.FEWEST_LAUNCHES
    return (
        f"medians with 95 % intervals{' (none below n = 6)' if few else ''}; of losses, imbalance, drops and bytes over "
        f"{_n(seeds, 'seed')}, else over {_n(launches, 'launch')}; "
        + ("bold: best, and the better side of a contrast that was won" if study.contrasts else "no contrast was declared")
    )


def _n(counts, what):
    few, most = min(counts), max(counts)
    return claims.counted(most, what) if few == most else f"{few} to {claims.counted(most, what)}"
