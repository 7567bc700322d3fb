"""check: the measures of a finished sweep, or of one run file, beside reference values."""

import math
from dataclasses import dataclass
from pathlib import Path

from . import Mistake, keys, progress, references
from .run_files import SEED, BadRunFile, Launches, Study, across, find_launches, name_of


@dataclass
class Outcome:
    reference: object
    result: str  # ok, LOW, HIGH, missing (no such launches, or no number), refused (may not be compared)
    value: float = math.nan
    samples: str = ""  # behind the value
    reason: str = ""


def _claiming_launches(results):
    """Those that claim: what a phased launch measures is not what the free ones do."""
    cells = [cell for cell in results.load()[1] if cell.planned and not cell.explains]
    found = progress.states(cells, results)
    if open_ones := [name for name, state in found.items() if state.name != "complete"]:
        raise Mistake(f"{results.folder}: {len(open_ones)} of {len(cells)} cells are not complete; `status` says why")
    launches = find_launches([results.folder])
    launches.paths = [path for path in launches.paths if name_of(path) in found]
    return launches


def _complete(study):
    for run in study.runs:
        if run.status != "complete":
            raise Mistake(f"{run.path}: is {run.status}, and not complete")
    return study


def study_of_results(results):
    """(Study, site)"""
    facts, _ = results.load()
    return _complete(Study(_claiming_launches(results))), facts["site"]["name"]


def study_of_file(path):
    study = _complete(Study(Launches([Path(path)])))
    return study, study.runs[0].config.get("record.site", "")


def _arm(study, values, place):
    """None where no launch has these values."""
    known = sorted({key for arm in study.arms for key in arm.configuration})
    for key in values:
        if key not in known:
            raise Mistake(f"{place}: no launch has a key {key}{keys.nearest(key, known)}")
    if not study.has(values):
        return None
    try:
        return study.arm(values)
    except BadRunFile as error:
        raise Mistake(f"{place}: {str(error).rstrip('.')}; they differ in {', '.join(study.varied)}") from None


def _samples(count, by):
    one, several = ("seed", "seeds") if by == SEED else ("launch", "launches")
    return f"{count} {one if count == 1 else several}"


def _compared(reference, arms):
    measure, by = reference.measure, reference.measure.decided_by
    for arm in arms:
        if measure.time and any(run.oversubscribed() for run in arm.runs):
            return Outcome(reference, "refused", reason=f"more threads than cores, so no {measure.name} is compared")
    found = [across(arm, measure.of, by) for arm in arms]
    samples = _samples(min(each.n for each in found), by)
    value = found[0].value if len(found) == 1 else found[0].value / found[1].value if found[1].value else math.nan
    verdict = reference.verdict(value)
    return Outcome(reference, verdict or "missing", value, samples, "" if verdict else "no number was measured")


def outcome(reference, study):
    arms = [_arm(study, values, reference.place) for values in (reference.where, reference.over) if values is not None]
    if None in arms:
        return Outcome(reference, "missing", reason="no launch has these values")
    try:
        return _compared(reference, arms)
    except BadRunFile as error:
        return Outcome(reference, "missing", reason=str(error))


def outcomes(path, study, site):
    """(an Outcome for each reference of the site, how many are passed over as another's)"""
    every = references.read(path)
    chosen = references.of_site(every, site)
    if not chosen:
        others = ", ".join(sorted({reference.site for reference in every})) or "none"
        raise Mistake(f"{path}: no reference for the site {site}, so nothing is compared; it has those of: {others}")
    return [outcome(reference, study) for reference in chosen], len(every) - len(chosen)
