"""The answer to a study's question in the words of its declared contrasts: what differs, by how much, and what cannot be said."""

import math

import claims
import headline_cells

ONE_CONFIGURATION = "One configuration, so nothing is compared."
NONE_DECLARED = (
    "No contrast was declared before the runs, so no difference is claimed: write [[contrast]] into the sweep file and launch it."
)


def sentences(study):
    """(name, verdict, sentence) of each contrast, in the order in which they were declared."""
    if not study.contrasts:
        return [("", "", NONE_DECLARED if len(study.arms) > 1 else ONE_CONFIGURATION)]
    judged = iter(claims.of(study)[0])
    return [_told(next(judged)) if study.has_both(contrast) else _without_launches(contrast) for contrast in study.contrasts]


def _told(judgement):
    return judgement.comparison.name, judgement.verdict, _sentence(judgement)


def _without_launches(contrast):
    return contrast.get("name", "?"), "no answer", "There are no launches of both its arms."


def _sentence(judgement):
    comparison, estimate = judgement.comparison, judgement.effect.estimate
    name = _name(comparison.measure.name)
    first, second = comparison.first.label, comparison.second.label
    if not math.isfinite(estimate.value):
        return f"{name} of {first} or {second} is no finite number in some launch."
    interval = "no interval" if math.isnan(estimate.low) else f"95 % interval {estimate.low:.4g} to {estimate.high:.4g}"
    return (
        f"{name} of {second} is {_size(judgement)} that of {first} ({interval}, n = {estimate.n} {judgement.samples()}, "
        f"p = {estimate.p:.2g}, after Holm's adjustment {judgement.adjusted_p:.2g}){_of_account(judgement)}."
    )


def _of_account(judgement):
    least, unit = judgement.comparison.smallest_effect, judgement.comparison.measure.unit
    told = f"{1 + least:.4g} times" if judgement.effect.ratio else f"{least:.4g}{f' {unit}' if unit else ''}"
    return f"; declared to be of account from {told} on" if least else ""


def _size(judgement):
    value, unit = judgement.effect.estimate.value, judgement.comparison.measure.unit
    if judgement.effect.ratio:
        return f"{value:.4g} times"
    if not value:
        return "the same as"
    return f"{abs(value):.4g}{f' {unit}' if unit else ''} {'above' if value > 0 else 'below'}"


def _name(measure):
    text = headline_cells.words(measure)
    return text[0].upper() + text[1:]
