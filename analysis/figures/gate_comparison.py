"""What gates do, side by side: imbalance of experts, choices dropped, bytes that a token sends, held-out loss, and what the gate
costs; each a median with its interval."""

import numpy as np

import claims
import launch_statistics
import row_panels
from comparison import across, median_of, untold
from measures import OF_HELD_OUT_TEXT, OF_ROUTING, measure
from run_file import NotDrawn
from table import Table

OF = "comparison"
MEASURES = {
    "imbalance_expert": "busiest expert\n(max / mean)",
    "dropped_fraction": "choices\ndropped (%)",
    "payload_bytes_per_token": "payload of\na token (kB)",
    "held_out_loss": "held-out\nloss (nat)",
    "gate_seconds_per_token": "gate time\n(µs / token)",
}
SCALES = {"dropped_fraction": 100, "payload_bytes_per_token": 1e-3, "gate_seconds_per_token": 1e6}
WON = "filled: better side of a contrast that was won"


def table(study):
    won = claims.winners(study)
    rows = [row for name in MEASURES for row in _rows(study, measure(name), won.get(name, ()))]
    if not rows:
        raise NotDrawn("no configuration has any of these numbers.")
    names = ["measure", "configuration", "value", "low", "high", "n", "of", "better"]
    return Table(_title(study, rows), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _rows(study, each, winners):
    """Nothing of a measure without a number anywhere, or of what no configuration does."""
    estimates = [_estimate(arm, each) for arm in study.arms]
    values = np.array([estimate.value for estimate in estimates])
    if not np.isfinite(values).any() or (values == 0).all():
        return
    for arm, estimate in zip(study.arms, estimates, strict=True):
        told = (estimate.value, estimate.low, estimate.high, estimate.n)
        yield each.name, arm.label, *told, claims.UNITS[each.decided_by], arm.label in winners


def _estimate(arm, each):
    """Phased launches alone tell the time of a phase, no loss is told of forced routing, and no balance of one expert."""
    if (arm.forced() and each.name in OF_HELD_OUT_TEXT) or (each.name in OF_ROUTING and not arm.routed()):
        return untold(arm, each.decided_by)
    if each.name == "gate_seconds_per_token":
        return median_of([each.of_or_nan(run) for run in arm.told_apart()])
    return across(arm, each.of_or_nan, each.decided_by)


def _title(study, rows):
    few = min(row[5] for row in rows) < launch_statistics.FEWEST_LAUNCHES
    said = WON if study.contrasts else "no contrast was declared"
    counted = row_panels.counted([row[5:7] for row in rows])
    return f"medians, 95 % intervals{' (none below n = 6)' if few else ''}, {counted}; {said}"


def draw(table):
    return row_panels.draw(table, MEASURES, "better", SCALES)
