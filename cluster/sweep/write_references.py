"""check --write: the measures of a finished sweep as reference values."""

import math

from . import Mistake
from .files import write_atomically
from .run_files import MACHINE, SEED, BadRunFile, across, measure, measure_names
from .toml_file import toml_value

HEAD = """\
# Reference values of {site}, written by moescope-sweep check --write from
# {source}
# value: the median over launches, or over seeds of what the seed decides. lower, upper: how far below and above it another value
# may be, as a fraction of it (of 0: as it stands).
"""


def _values(arm, study):
    """What tells the arm from the others, as a reference can say it."""
    for keys in (arm.values, study.varied):
        values = {key: arm.configuration[key] for key in keys if arm.configuration.get(key) is not None}
        if sum(all(other.configuration.get(key) == value for key, value in values.items()) for other in study.arms) == 1:
            return values
    raise Mistake(f"no values tell the configuration {arm.label} from the others")


def _number(arm, one):
    try:
        return across(arm, one.of, one.decided_by).value
    except BadRunFile:
        return math.nan


def _entry(site, values, one, value, tolerance):
    table = {"site": site} | ({"where": values} if values else {})
    table |= {"measure": one.name, "value": value, "lower": 0.0 - tolerance, "upper": tolerance, "unit": one.unit}
    return "[[reference]]\n" + "".join(f"{key} = {toml_value(part)}\n" for key, part in table.items())


def entries(study, site, tolerances):
    """(texts, names of measures that some configuration has no number of); `tolerances`: {SEED or MACHINE: fraction}."""
    texts, without = [], {}
    for arm in study.arms:
        values = _values(arm, study)
        for one in map(measure, measure_names()):
            value = float(_number(arm, one))
            if math.isfinite(value):
                texts.append(_entry(site, values, one, value, tolerances[one.decided_by]))
            else:
                without[one.name] = None
    return texts, list(without)


def write(path, source, study, site, seed_tolerance, machine_tolerance):
    if path.exists():
        raise Mistake(f"{path} exists; reference values are not overwritten")
    texts, without = entries(study, site, {SEED: seed_tolerance, MACHINE: machine_tolerance})
    if not texts:
        raise Mistake(f"{source}: no measure has a number, so there is no reference value")
    write_atomically(path, "\n".join([HEAD.format(site=site, source=source), *texts]))
    yield f"{path}: {len(texts)} reference values of {len(study.arms)} configurations"
    if without:
        yield f"  left out where there is no number: {', '.join(without)}"
