"""Expands a sweep file into points, and points into launches in a random order with a stored seed.

A name with a dot is a key of the program (layout.ep), except launch.*, which the driver keeps; one without is a label, which
changes nothing and names an arm. Points with equal settings and different labels are launched separately (an A/A pair)."""

import itertools
import math
import random
from dataclasses import dataclass, field

from . import Mistake
from .exclusions import exclusion, require_kinds
from .fewest_ranks import FewestRanks
from .point_values import RANKS, completed, settings_of
from .seeds import SEED

MOST_LAUNCHES = 100_000


@dataclass
class Point:
    values: dict  # labels, launch.* and settings, as the sweep file has them
    repeat: int = 0
    place: int = 0  # in the order of the sweep file
    explains: bool = False

    @property
    def labels(self):
        return {key: value for key, value in self.values.items() if "." not in key}

    @property
    def settings(self):
        return settings_of(self.values)

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


def _repeated(points, repeats, seeds):
    """Every point `repeats` times, a block for each repeat and seed; equal settings never get the same repeat number."""
    used, blocks = {}, {}
    for place, values in enumerate(points):
        identity = repr(sorted((key, value) for key, value in values.items() if "." in key))
        first = used.get(identity, 0)
        used[identity] = first + repeats
        for i in range(repeats):
            blocks.setdefault((i, values[SEED] if seeds else 0), []).append(Point(values, first + i, place))
    return [block for _, block in sorted(blocks.items())]


def _require_few(sweep):
    sizes = [len(values) for values in sweep.parts["matrix"].values()]
    sizes += [len(next(iter(group.values()))) for group in sweep.parts["zip"] if group]
    launches = math.prod(sizes) * max(1, len(sweep.seeds)) * sweep.repeats
    if launches > MOST_LAUNCHES:
        raise Mistake(f"{sweep.path}: {launches} launches; a sweep has at most {MOST_LAUNCHES}")


def _kept(every, sweep, executable, excluded):
    """The points that are to be launched, none twice; the others go to `excluded` with the reason."""
    points, fewest_ranks = {}, FewestRanks(sweep, executable)
    for values in every:
        reason = exclusion(values, sweep, fewest_ranks)
        if not reason and (ranks := fewest_ranks.of(values)) is not None:
            values = values | {RANKS: ranks}
        identity = repr(sorted(values.items()))
        if not reason and identity in points:
            reason = "the same point is already there"
        if reason:
            excluded.append((values, reason))
        else:
            points[identity] = values
    return points.values()


def expand(sweep, executable):
    """A point that the program refuses has no number of ranks, and is a launch all the same: the plan asks for the reason."""
    _require_few(sweep)
    result = Expansion()
    seeds = [{SEED: seed} for seed in sweep.seeds] or [{}]
    every = [completed(values | seed, sweep) for values in _crossed(sweep.parts) + sweep.parts["include"] for seed in seeds]
    require_kinds(every, sweep)
    points = _kept(every, sweep, executable, result.excluded)
    order = random.Random(sweep.order_seed)
    for block in _repeated(points, sweep.repeats, sweep.seeds):
        order.shuffle(block)
        result.launches += block
    return result
