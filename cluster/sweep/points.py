"""Expands a sweep file into points, and points into launches in a random order with a stored seed.

A name with a dot is a key of the program (layout.ep), except launch.*, which the driver keeps; one without is a label, which
changes nothing and names an arm. Points with equal settings and different labels are launched separately (an A/A pair)."""

import itertools
import math
import random
from dataclasses import dataclass, field

from . import Mistake
from .expression import evaluate
from .point_values import completed, in_force, value_in
from .toml_file import kind

MOST_LAUNCHES = 100_000


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


def _of_rule(rule):
    return {key: value for key, value in rule.items() if key != "where"}


def _require_kinds(points, sweep):
    """A rule that compares a key with a value of a kind that it has nowhere would never hold."""
    everywhere = [in_force(values, sweep) for values in points if sweep.parts["exclude"]]
    for number, rule in enumerate(sweep.parts["exclude"], 1):
        for key, value in _of_rule(rule).items():
            kinds = [kind(values[key]) for values in everywhere if key in values]
            if kinds and kind(value) not in kinds:
                told = f"{key} = {value!r} is a {kind(value)}, and {key} is a {kinds[0]} everywhere"
                raise Mistake(f"{sweep.path}: [[sweep.exclude]] number {number}: {told}")


def _exclusion(values, sweep):
    """Why the sweep file leaves these values out; empty where it does not."""
    value_of = value_in(values, sweep)
    for number, rule in enumerate(sweep.parts["exclude"], 1):
        fixed = _of_rule(rule)
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


def _require_few(sweep):
    sizes = [len(values) for values in sweep.parts["matrix"].values()]
    sizes += [len(next(iter(group.values()))) for group in sweep.parts["zip"] if group]
    launches = math.prod(sizes) * sweep.repeats
    if launches > MOST_LAUNCHES:
        raise Mistake(f"{sweep.path}: {launches} launches; a sweep has at most {MOST_LAUNCHES}")


def expand(sweep):
    _require_few(sweep)
    result, points = Expansion(), {}
    every = [completed(values, sweep) for values in _crossed(sweep.parts) + sweep.parts["include"]]
    _require_kinds(every, sweep)
    for values in every:
        identity = repr(sorted(values.items()))
        reason = "the same point is already there" if identity in points else _exclusion(values, sweep)
        if reason:
            result.excluded.append((values, reason))
        else:
            points[identity] = values
    order = random.Random(sweep.order_seed)
    for block in _repeated(points.values(), sweep.repeats):
        order.shuffle(block)
        result.launches += block
    return result
