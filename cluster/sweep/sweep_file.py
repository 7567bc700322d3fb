"""Reads sweep.toml and base.toml of an experiment folder, for one of its sizes."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import Mistake

PARTS = ("matrix", "zip", "include", "exclude", "derive")
LAUNCH = {"threads": 1, "minutes": 0, "cells_per_job": 1}
TOP = ("question", "base", "repeats", "order_seed", "launch", "set", "sweep", "size", "contrast", "analysis")


def read_toml(path):
    try:
        return tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(f"{path}: {error}") from None


def flat(table, prefix=""):
    """{"layout": {"ep": 2}} -> {"layout.ep": 2}; keys that are already dotted stay."""
    values = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        values |= flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return values


def merged(general, special):
    """Tables key by key; anything else of `special` replaces that of `general`."""
    result = dict(general)
    for key, value in special.items():
        both_tables = isinstance(value, dict) and isinstance(general.get(key), dict)
        result[key] = merged(general[key], value) if both_tables else value
    return result


@dataclass
class SweepFile:
    folder: Path
    size: str
    question: str
    base: Path
    base_values: dict
    repeats: int
    order_seed: int
    launch: dict
    fixed: dict  # settings of every cell
    parts: dict  # matrix, zip (a list of groups), include, exclude, derive
    contrasts: list
    analysis: dict

    @property
    def name(self):
        return self.folder.name


def _known(path, found, known, where):
    for key in found:
        if key not in known:
            raise Mistake(f"{path}: unknown key {where}{key}; there are {', '.join(known)}")


def _choose_size(path, data, size):
    sizes = data.get("size", {})
    if size is None and sizes:
        raise Mistake(f"{path} names sizes: add --size {' or --size '.join(sizes)}")
    if size is not None and size not in sizes:
        raise Mistake(f"{path}: no size {size}; there {'are ' + ', '.join(sizes) if sizes else 'is none'}")
    _known(path, sizes.get(size, {}), TOP, f"size.{size}.")
    general = {key: value for key, value in data.items() if key != "size"}
    return merged(general, sizes.get(size, {}))


def _count(path, data, key, default, least):
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise Mistake(f"{path}: {key} = {value!r} must be a whole number of at least {least}")
    return value


def _lists(path, table, where):
    values = flat(table)
    for key, value in values.items():
        if not isinstance(value, list) or not value:
            raise Mistake(f"{path}: {where}.{key} must be a list of at least one value")
    return values


def _zip_groups(path, data):
    groups = data if isinstance(data, list) else [data]
    groups = [_lists(path, group, "sweep.zip") for group in groups]
    for group in groups:
        lengths = {key: len(values) for key, values in group.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {n}" for key, n in lengths.items())
            raise Mistake(f"{path}: the lists of one [sweep.zip] are walked together and must be equally long: {told}")
    return groups


def _parts(path, data):
    _known(path, data, PARTS, "sweep.")
    tables = {name: [flat(table) for table in data.get(name, [])] for name in ("include", "exclude")}
    return tables | {
        "matrix": _lists(path, data.get("matrix", {}), "sweep.matrix"),
        "zip": _zip_groups(path, data.get("zip", {})),
        "derive": flat(data.get("derive", {})),
    }


def read(folder, size=None):
    folder = Path(folder)
    path = folder / "sweep.toml"
    whole = read_toml(path)
    _known(path, whole, TOP, "")
    data = _choose_size(path, whole, size)
    _known(path, data.get("launch", {}), LAUNCH, "launch.")
    launch = LAUNCH | data.get("launch", {})
    for key, least in (("threads", 1), ("minutes", 0), ("cells_per_job", 1)):
        _count(path, launch, key, None, least)
    base = folder / data.get("base", "base.toml")
    return SweepFile(
        folder=folder.resolve(),
        size=size or "",
        question=data.get("question", ""),
        base=base.resolve(),
        base_values=flat(read_toml(base)),
        repeats=_count(path, data, "repeats", 1, 1),
        order_seed=_count(path, data, "order_seed", 1, 0),
        launch=launch,
        fixed=flat(data.get("set", {})),
        parts=_parts(path, data.get("sweep", {})),
        contrasts=data.get("contrast", []),
        analysis=data.get("analysis", {}),
    )
