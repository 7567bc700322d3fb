"""Expands a sweep file into points, and points into launches in a random order with a stored seed.

A name with a dot is a key of the program (layout.ep), except launch.*, which the driver keeps; one without is a label, which
changes nothing and names an arm. Points with equal settings and different labels are launched separately (an A/A pair)."""

import itertools
import math
import random
from dataclasses import dataclass, field

from . import Mistake
from .expression import evaluate

SEPARATE = ("record.repeat", "record.path", "record.site", "checkpoint.path")  # the driver sets these


@dataclass
class Point:
    values: dict  # labels, launch.* and settings, as the sweep file has them
    repeat: int = 0

    @property
    def labels(self):
        return {key: value for key, value in self.values.items() if "." not in key}

    @property
    def settings(self):
        return {key: value for key, value in self.values.items() if "." in key and not key.startswith("launch.")}

    @property
    def launch(self):
        return {key.split(".", 1)[1]: value for key, value in self.values.items() if key.startswith("launch.")}


@dataclass
class Expansion:
    launches: list = field(default_factory=list)
    excluded: list = field(default_factory=list)  # (values, reason)


def _crossed(parts):
    axes = [[{key: value} for value in values] for key, values in parts["matrix"].items()]
    for group in parts["zip"]:
        if group:
            axes.append([dict(zip(group, row, strict=True)) for row in zip(*group.values(), strict=True)])
    if not axes:
        return [] if parts["include"] else [{}]
    return [{key: value for part in row for key, value in part.items()} for row in itertools.product(*axes)]


def _value_in(values, sweep):
    def value_of(name):
        if name in values:
            return values[name]
        if name.startswith("launch.") and name[7:] in sweep.launch:
            return sweep.launch[name[7:]]
        if name in sweep.base_values:
            return sweep.base_values[name]
        raise Mistake(f"{sweep.folder}/sweep.toml: an expression asks for {name}, which neither it nor {sweep.base.name} sets")

    return value_of


def _ranks(values, sweep):
    """The smallest number of ranks that the layout allows: dp x tp where dp is given, else lcm(tp, ep x etp)."""

    def size(axis, default):
        return values.get(f"layout.{axis}", sweep.base_values.get(f"layout.{axis}", 0)) or default

    tp = size("tp", 1)
    smallest = math.lcm(tp, size("ep", 1) * size("etp", tp))
    return size("dp", 0) * tp or smallest


def _completed(values, sweep):
    values = sweep.fixed | values
    for key in SEPARATE:
        if key in values:
            raise Mistake(f"{sweep.folder}/sweep.toml: {key} is set by the driver; leave it out")
    for key, text in sweep.parts["derive"].items():
        values[key] = evaluate(text, _value_in(values, sweep)) if isinstance(text, str) else text
    if not values.get("layout.ranks", sweep.base_values.get("layout.ranks", 0)):
        values["layout.ranks"] = _ranks(values, sweep)
    return values


def _exclusion(values, sweep):
    """Why the sweep file leaves these values out; empty where it does not."""
    value_of = _value_in(values, sweep)
    for number, rule in enumerate(sweep.parts["exclude"], 1):
        fixed = {key: value for key, value in rule.items() if key != "where"}
        if not all(value_of(key) == value for key, value in fixed.items()):
            continue
        if "where" not in rule or evaluate(rule["where"], value_of):
            told = [f"{key} = {value}" for key, value in fixed.items()] + [rule[key] for key in rule if key == "where"]
            return f"[[sweep.exclude]] number {number}: {', '.join(told)}"
    return ""


def _repeated(points, repeats):
    """Every point `repeats` times, a block for each repeat; equal settings never get the same repeat number."""
    used = {}
    blocks = [[] for _ in range(repeats)]
    for values in points:
        identity = repr(sorted((key, value) for key, value in values.items() if "." in key))
        first = used.get(identity, 0)
        used[identity] = first + repeats
        for i in range(repeats):
            blocks[i].append(Point(values, first + i))
    return blocks


def expand(sweep):
    result, points = Expansion(), []
    for values in _crossed(sweep.parts) + sweep.parts["include"]:
        values = _completed(values, sweep)
        reason = "the same point is already there" if values in points else _exclusion(values, sweep)
        if reason:
            result.excluded.append((values, reason))
        else:
            points.append(values)
    order = random.Random(sweep.order_seed)
    for block in _repeated(points, sweep.repeats):
        order.shuffle(block)
        result.launches += block
    return result
