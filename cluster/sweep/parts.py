"""The tables of [sweep]: which values are crossed, walked together, added, left out and derived."""

from . import Mistake, keys
from .toml_file import flat

PARTS = {"matrix": dict, "zip": (dict, list), "include": list, "exclude": list, "derive": dict}


def _lists(path, table, where):
    values = flat(path, table)
    for key, value in values.items():
        if not isinstance(value, list) or not value:
            raise Mistake(f"{path}: {where}.{key} must be a list of at least one value")
    return values


def _zip_groups(path, data):
    groups = data if isinstance(data, list) else [data]
    keys.require_list_of(path, groups, dict, "sweep.zip")
    groups = [_lists(path, group, "sweep.zip") for group in groups]
    for group in groups:
        lengths = {key: len(values) for key, values in group.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {n}" for key, n in lengths.items())
            raise Mistake(f"{path}: the lists of one [sweep.zip] are walked together and must be equally long: {told}")
    return groups


def _points(path, data, name):
    points = data.get(name, [])
    keys.require_list_of(path, points, dict, f"sweep.{name}")
    return [flat(path, point) for point in points]


def read(path, data, fixed):
    """`fixed`: what [set] gives."""
    keys.require(path, data, PARTS, "sweep.")
    parts = {
        "matrix": _lists(path, data.get("matrix", {}), "sweep.matrix"),
        "zip": _zip_groups(path, data.get("zip", {})),
        "include": _points(path, data, "include"),
        "exclude": _points(path, data, "exclude"),
        "derive": flat(path, data.get("derive", {})),
    }
    for rule in parts["exclude"]:
        keys.require(path, {key: value for key, value in rule.items() if key == "where"}, {"where": str}, "sweep.exclude.")
    _require_once(path, fixed, parts)
    return parts


def _require_once(path, fixed, parts):
    """A key that two parts give would have one of its two meanings in silence."""
    places = [("set", fixed), ("sweep.matrix", parts["matrix"]), *(("sweep.zip", group) for group in parts["zip"])]
    places += [("sweep.derive", parts["derive"])]
    seen = {}
    for place, values in places:
        for key in values:
            if key in seen:
                raise Mistake(f"{path}: {key} is given in [{seen[key]}] and in [{place}]; it stands in one of them")
            seen[key] = place
