"""Reads sweep.toml and base.toml of an experiment folder, for one of its sizes."""

import math
from dataclasses import dataclass
from pathlib import Path

from . import Mistake, keys, parts, seeds
from .run_files import measure_names
from .toml_file import flat, merged, nested, read_toml

TOP = {
    "question": str,
    "base": str,
    "repeats": int,
    "seeds": int,
    "order_seed": int,
    "launch": dict,
    "set": dict,
    "sweep": dict,
    "size": dict,
    "contrast": list,
    "analysis": dict,
}
OF_A_SIZE = {key: kind for key, kind in TOP.items() if key != "size"}
LAUNCH = {"threads": 1, "minutes": 0, "cells_per_job": 1}  # the default of each is also its least
SWITCHES = {"explain": True}  # of [launch] too, with their defaults
CONTRAST = {"name": str, "measure": str, "first": dict, "second": dict}
OF_A_CONTRAST = CONTRAST | {"smallest_effect": float}  # which may be left out
ANALYSIS = {"by": list, "baseline": dict}


@dataclass
class SweepFile:
    folder: Path
    size: str
    question: str
    base: Path
    base_values: dict
    repeats: int
    seeds: list  # values of train.seed that each point is launched with; none: that of its configuration alone
    order_seed: int
    launch: dict
    fixed: dict  # settings of every cell
    parts: dict  # matrix, zip (a list of groups), include, exclude, derive
    contrasts: list
    analysis: dict

    @property
    def name(self):
        return self.folder.name

    @property
    def path(self):
        return self.folder / "sweep.toml"


def _choose_size(path, data, size):
    sizes = data.get("size", {})
    for name, table in sizes.items():
        keys.require(path, table, OF_A_SIZE, f"size.{name}.")
    if size is None and sizes:
        raise Mistake(f"{path} names sizes: add --size {' or --size '.join(sizes)}")
    if size is not None and size not in sizes:
        raise Mistake(f"{path}: no size {size}; there {'are ' + ', '.join(sizes) if sizes else 'is none'}")
    general = {key: value for key, value in data.items() if key != "size"}
    return merged(general, sizes.get(size, {}))


def _contrasts(path, data):
    keys.require_list_of(path, data, dict, "contrast")
    for contrast in data:
        keys.require(path, contrast, OF_A_CONTRAST, "contrast.")
        if missing := [key for key in CONTRAST if key not in contrast]:
            raise Mistake(f"{path}: a [[contrast]] lacks {missing[0]}; it has {', '.join(CONTRAST)}")
        if contrast["measure"] not in measure_names():
            raise keys.unknown(path, contrast["measure"], measure_names(), what="measure")
        if not 0 <= (least := contrast.get("smallest_effect", 0)) < math.inf:
            raise Mistake(f"{path}: contrast.smallest_effect = {least!r} must be a finite number of at least 0")
    return [contrast | {side: flat(path, contrast[side]) for side in ("first", "second")} for contrast in data]


def _analysis(path, data):
    keys.require(path, data, ANALYSIS, "analysis.")
    keys.require_list_of(path, data.get("by", []), str, "analysis.by")
    return data | ({"baseline": flat(path, data["baseline"])} if "baseline" in data else {})


def _launch(path, data):
    keys.require(path, data, dict.fromkeys(LAUNCH, int) | dict.fromkeys(SWITCHES, bool), "launch.")
    counts = {key: keys.count(path, f"launch.{key}", data.get(key, least), least) for key, least in LAUNCH.items()}
    return counts | {key: data.get(key, default) for key, default in SWITCHES.items()}


def read(folder, size=None):
    folder = Path(folder)
    path = folder / "sweep.toml"
    whole = nested(path, read_toml(path))
    keys.require(path, whole, TOP)
    data = _choose_size(path, whole, size)
    fixed = flat(path, data.get("set", {}))
    swept = parts.read(path, data.get("sweep", {}), fixed)
    base = folder / data.get("base", "base.toml")
    base_values = flat(base, read_toml(base))
    return SweepFile(
        folder=folder.resolve(),
        size=size or "",
        question=data.get("question", ""),
        base=base.resolve(),
        base_values=base_values,
        repeats=keys.count(path, "repeats", data.get("repeats", 1), 1),
        seeds=seeds.read(path, data, base, base_values, fixed, swept),
        order_seed=keys.count(path, "order_seed", data.get("order_seed", 1), 0, 2**63),
        launch=_launch(path, data.get("launch", {})),
        fixed=fixed,
        parts=swept,
        contrasts=_contrasts(path, data.get("contrast", [])),
        analysis=_analysis(path, data.get("analysis", {})),
    )
