"""Reference values of measures: a TOML file, with the meaning that ReFrame gives to (value, lower, upper, unit)."""

import json
import math
from dataclasses import dataclass

from . import Mistake, keys
from .run_files import measure, measure_names
from .toml_file import flat, read_toml

ANY_SITE = "*"
KEYS = {
    "site": str,
    "where": dict,
    "over": dict,
    "measure": str,
    "value": float,
    "lower": float,
    "upper": float,
    "unit": str,
}


@dataclass(frozen=True)
class Reference:
    place: str  # file and number, for sentences
    site: str
    where: dict  # values of the one configuration that it is about
    over: dict | None  # of another one: the reference is about the ratio of the two
    measure: object
    value: float
    lower: float | None  # relative, of a value of 0 absolute; None: without a bound
    upper: float | None

    @property
    def unit(self):
        return self.measure.unit if self.over is None else ""

    @property
    def identity(self):
        return json.dumps([self.measure.name, self.where, self.over], sort_keys=True)

    def bounds(self):
        if self.value == 0:
            low, high = self.lower, self.upper
        else:
            sign = math.copysign(1, self.value)
            low, high = (None if part is None else self.value * (1 + sign * part) for part in (self.lower, self.upper))
        return -math.inf if low is None else low + 0.0, math.inf if high is None else high + 0.0  # 0, never -0

    def verdict(self, value):
        """ok, LOW or HIGH; None of what is no number."""
        low, high = self.bounds()
        if math.isnan(value):
            return None
        return "LOW" if value < low else "HIGH" if value > high else "ok"


def _require_bounds(place, value, table):
    """ReFrame's: a bound is never on the other side of 0."""
    if not math.isfinite(value):
        raise Mistake(f"{place}: value = {value} must be a finite number")
    least, most = (-1 if value > 0 else -math.inf), (1 if value < 0 else math.inf)
    if not least <= table.get("lower", 0) <= 0:
        raise Mistake(f"{place}: lower = {table['lower']} must be at most 0" + (" and at least -1" if value > 0 else ""))
    if not 0 <= table.get("upper", 0) <= most:
        raise Mistake(f"{place}: upper = {table['upper']} must be at least 0" + (" and at most 1" if value < 0 else ""))


def _measure(place, name, unit, is_ratio):
    if name not in measure_names():
        raise keys.unknown(place, name, measure_names(), what="measure")
    found = measure(name)
    own = "" if is_ratio else found.unit
    if unit is not None and unit != own:
        told = f"a ratio of {name} has none" if is_ratio else f'that of {name} is "{own}"'
        raise Mistake(f'{place}: unit = "{unit}" is another unit: {told}')
    return found


def _reference(place, table):
    keys.require(place, table, KEYS)
    if missing := [key for key in ("measure", "value") if key not in table]:
        raise Mistake(f"{place}: {missing[0]} is missing; a [[reference]] has {', '.join(KEYS)}")
    _require_bounds(place, table["value"], table)
    return Reference(
        place=place,
        site=table.get("site", ANY_SITE),
        where=flat(place, table.get("where", {})),
        over=flat(place, table["over"]) if "over" in table else None,
        measure=_measure(place, table["measure"], table.get("unit"), "over" in table),
        value=table["value"],
        lower=table.get("lower"),
        upper=table.get("upper"),
    )


def read(path):
    data = read_toml(path)
    keys.require(path, data, {"reference": list})
    keys.require_list_of(path, data.get("reference", []), dict, "reference")
    found = [_reference(f"{path}: [[reference]] number {i}", table) for i, table in enumerate(data.get("reference", []), 1)]
    seen = {}
    for reference in found:
        other = seen.setdefault((reference.site, reference.identity), reference)
        if other is not reference:
            raise Mistake(f"{reference.place}: is about the same as number {other.place.rsplit(' ', 1)[-1]}; one of them holds")
    return found


def of_site(references, site):
    """Those that hold there: its own, and for any site those that it has no own one of."""
    own = {reference.identity for reference in references if reference.site == site}
    return [one for one in references if one.site == site or (one.site == ANY_SITE and one.identity not in own)]
