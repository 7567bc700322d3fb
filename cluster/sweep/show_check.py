"""What check found: as a person reads it, and as a program does."""

import json
import math

from .show_plan import table, text_of

ENOUGH, ALL = 6, 17  # digits of a number; all of them tell any two numbers apart


def _number(value, digits):
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def _allowed(reference, digits):
    low, high = reference.bounds()
    if math.isinf(low) and math.isinf(high):
        return "any number"
    if math.isinf(low):
        return f"at most {_number(high, digits)}"
    if math.isinf(high):
        return f"at least {_number(low, digits)}"
    return _number(low, digits) if low == high else f"{_number(low, digits)} to {_number(high, digits)}"


def _numbers(one):
    """(value, allowed range); with all digits where one that is not allowed would look like an end of the range."""
    short = _number(one.value, ENOUGH), _allowed(one.reference, ENOUGH)
    alike = one.result in ("LOW", "HIGH") and short[0] in short[1].split()
    return (_number(one.value, ALL), _allowed(one.reference, ALL)) if alike else short


def _sides(reference):
    return [values for values in (reference.where, reference.over) if values is not None]


def _row(one):
    of = " / ".join(text_of(values) or "all" for values in _sides(one.reference))
    result = f"{one.result}: {one.reason}" if one.reason else one.result
    return (one.reference.measure.name, of, one.samples, *_numbers(one), one.reference.unit, result)


def lines(found, others, site):
    yield from table([_row(one) for one in found], ("measure", "of", "samples", "value", "allowed", "unit", "result"))
    results = [one.result for one in found]
    told = ", ".join(f"{results.count(name)} {name}" for name in dict.fromkeys(results))
    passed_over = f"; {others} of other sites or superseded by the site's own passed over" if others else ""
    yield f"{len(found)} references for {site}: {told}{passed_over}"


def as_json(found):
    """null: no number, no bound."""
    return json.dumps(
        [
            {
                "measure": one.reference.measure.name,
                "where": one.reference.where,
                "over": one.reference.over,
                "value": one.value if math.isfinite(one.value) else None,
                "samples": one.samples,
                "reference": one.reference.value,
                "lower": one.reference.lower,
                "upper": one.reference.upper,
                "unit": one.reference.unit,
                "result": one.result,
                "reason": one.reason,
            }
            for one in found
        ],
        indent=1,
    )
