"""The values of one point: fixed, swept and derived ones together, the driver's own keys among them checked."""

from . import Mistake, keys
from .expression import evaluate
from .sweep_file import LAUNCH

RANKS = "layout.ranks"
SEPARATE = ("record.repeat", "record.path", "record.site", "checkpoint.path")  # the driver sets these
SWEPT = ("threads", "minutes")  # of [launch]; the others are one for the whole sweep


def settings_of(values):
    """What the program is to be given."""
    return {key: value for key, value in values.items() if "." in key and not key.startswith("launch.")}


def in_force(values, sweep):
    """What an expression may ask for."""
    return sweep.base_values | {f"launch.{key}": value for key, value in sweep.launch.items()} | values


def value_in(values, sweep):
    known = in_force(values, sweep)

    def value_of(name):
        if name in known:
            return known[name]
        raise Mistake(f"{sweep.path}: an expression asks for {name}, which neither it nor {sweep.base.name} sets")

    return value_of


def _require_keys(values, sweep):
    """The driver's own keys are known and have values of their kind; those that it sets itself are left to it."""
    for key, value in values.items():
        name = key.removeprefix("launch.")
        if key in SEPARATE:
            raise Mistake(f"{sweep.path}: {key} is set by the driver; leave it out")
        if name == key:
            continue
        if name not in SWEPT:
            raise keys.unknown(sweep.path, name, SWEPT, "launch.")
        keys.count(sweep.path, key, value, LAUNCH[name])


def completed(values, sweep):
    given, values = values, sweep.fixed | values
    for key, text in sweep.parts["derive"].items():
        if key in given:
            raise Mistake(f"{sweep.path}: {key} is given in [[sweep.include]] and in [sweep.derive]; it stands in one of them")
        values[key] = evaluate(text, value_in(values, sweep)) if isinstance(text, str) else text
    _require_keys(values, sweep)
    return values
