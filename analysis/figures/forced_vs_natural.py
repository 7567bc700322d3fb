"""What forced routing hides: step time (black bar: as the rows of the busiest rank predict it), wait, bytes and the load of the
busiest rank of each forced configuration, over those of the same whose gate chose."""

import numpy as np

import claims
import predicted_time
import row_panels
from comparison import compare
from measures import measure
from run_file import NotDrawn
from table import Table

OF = "comparison"
MEASURES = {
    "step_seconds": "step time",
    "wait_seconds": "wait",
    "payload_bytes_per_token": "payload of\na token",
    "imbalance_rank": "busiest rank\n(max / mean)",
}
TIME = "step_seconds"
CLAIMED = "filled: a declared contrast claims a difference"
PREDICTED = "black bar: predicted from the rows of the busiest rank"
UNPREDICTED = "no time predicted: no phased launch of natural routing"
NAMES = (
    *("measure", "configuration", "value", "low", "high", "n", "of", "claimed"),
    *("predicted", "predicted_low", "predicted_high"),
)


def table(study):
    pairs = [(study.natural_of(arm), arm) for arm in study.arms if arm.forced()]
    pairs = [(natural, forced) for natural, forced in pairs if natural]
    if not pairs:
        raise NotDrawn("no configuration whose routing is forced has one beside it whose gate chose.")
    claimed = _claimed(study)
    rows = [row for name in MEASURES for row in _rows(pairs, measure(name), claimed)]
    if not rows:
        raise NotDrawn("neither time nor bytes nor imbalance of forced and natural runs is a finite number.")
    return Table(_title(study, rows), **{name: ("", values) for name, values in zip(NAMES, zip(*rows, strict=True), strict=True)})


def _claimed(study):
    """(measure, labels of both arms) of the declared contrasts in which a difference is claimed."""
    won = (one.comparison for one in claims.of(study)[0] if one.verdict == claims.CLAIM)
    return {(one.measure.name, frozenset((one.first.label, one.second.label))) for one in won}


def _rows(pairs, each, claimed):
    effects = [compare(natural, forced, each, ratio=True).estimate for natural, forced in pairs]
    if not any(np.isfinite(effect.value) for effect in effects):
        return
    for (natural, forced), effect in zip(pairs, effects, strict=True):
        known = (each.name, frozenset((natural.label, forced.label))) in claimed
        told = (effect.value, effect.low, effect.high, effect.n, claims.UNITS[each.decided_by], known)
        predicted = predicted_time.ratio(natural, forced) if each.name == TIME else predicted_time.NONE
        yield each.name, forced.label, *told, predicted.value, predicted.low, predicted.high


def _title(study, rows):
    said = CLAIMED if study.contrasts else "no contrast was declared"
    counted = row_panels.counted([row[5:7] for row in rows])
    predicted = PREDICTED if np.isfinite([row[8] for row in rows]).any() else UNPREDICTED
    return f"ratios to the same configuration with natural routing, 95 % intervals, {counted}; {said}; {predicted}"


def draw(table):
    return row_panels.draw(table, MEASURES, "claimed", line=1, bars="predicted")
