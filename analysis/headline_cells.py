"""The headline table as it is read: a row for each configuration, a column for each measure, numbers in units that suit them."""

import math
from dataclasses import dataclass

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))
WORDS = {
    "held_out_loss": "held-out loss",
    "perplexity": "perplexity",
    "bits_per_byte": "bits per byte",
    "imbalance_expert": "imbalance of experts (max / mean)",
    "imbalance_rank": "imbalance of ranks (max / mean)",
    "dropped_fraction": "dropped",
    "tokens_per_second": "tokens per second",
    "step_seconds": "step time",
    "joules": "energy of a step",
    "joules_per_token": "joules per token",
    "gate_seconds_per_token": "gate time per token",
    "balance_loss": "balance loss",
    "dead_fraction": "experts without a choice",
    "routing_entropy": "entropy of experts' shares / log E",
    "memory_bytes": "memory of the fullest process",
    "busiest_rank_rows": "rows of the busiest rank",
}
SHARES = ("dropped_fraction", "mfu_")


@dataclass(frozen=True)
class Cell:
    value: str
    interval: str  # "" where n is too small for one
    best: bool


@dataclass(frozen=True)
class Column:
    measure: str
    unit: str
    cells: list[Cell]  # in the order of the configurations

    @property
    def head(self):
        """With its unit, unless the words have it."""
        said = words(self.measure)
        return f"{said} ({self.unit})" if self.unit and " per " not in said else said


def words(measure):
    if measure.startswith("mfu_"):
        _, peak, numerator = measure.split("_", 2)
        return f"MFU ({numerator}, {peak} peak)"
    if "/" in measure:
        return f"bytes per token, {measure.split('/')[1]}"
    return WORDS.get(measure) or measure.replace("_", " ")


def columns(panel):
    """Of the rows of one panel."""
    return [_column(panel.where(measure=name), name) for name in panel.distinct("measure")]


def _column(rows, measure):
    share = measure.startswith(SHARES)
    factor, unit = (0.01, "%") if share else _scale(rows["value"], str(rows["unit"][0]))
    if "/" in measure:  # axes are compared with each other
        factor, unit = 1, "B"
    digits = _decimals(rows["value"] / factor)
    cells = [
        Cell(_number(value / factor, digits), _interval(low / factor, high / factor, digits), bool(best))
        for value, low, high, best in zip(rows["value"], rows["low"], rows["high"], rows["best"], strict=True)
    ]
    return Column(measure, unit, cells)


def _scale(values, unit):
    """Bytes and seconds get a prefix by the largest; pure numbers and rates stay."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0)
    if unit not in ("B", "s") or not largest:
        return 1, unit
    factor, prefix = next((each for each in PREFIXES if largest >= each[0] and (unit == "s" or each[0] >= 1)), PREFIXES[4])
    return (1, "s") if unit == "s" and factor > 1 else (factor, prefix + unit)


def _decimals(values):
    """Of a whole column, so that its points stand under each other: four digits of the largest."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0)
    return max(0, 3 - math.floor(math.log10(largest))) if largest else 0


def _number(value, decimals):
    return f"{value:,.{decimals}f}" if math.isfinite(value) else "-" if math.isnan(value) else "∞"


def _interval(low, high, decimals):
    return "" if math.isnan(low) or math.isnan(high) else f"[{_number(low, decimals)}, {_number(high, decimals)}]"
