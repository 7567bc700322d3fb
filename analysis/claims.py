"""Which differences may be claimed: the declared contrasts of a study, each with effect and verdict after Holm's adjustment."""

from dataclasses import dataclass

import numpy as np

import launch_statistics
from comparison import Effect, compare
from decided_by import MACHINE, SEED
from measures import OF_HELD_OUT_TEXT, Measure, measure
from run_file import BadRunFile
from study import Arm

CLAIM, NO_CLAIM, UNDECLARED = "difference", "no difference claimed", "not declared"
TOO_SMALL = "below the smallest effect"  # a difference that the contrast has declared to be of no account
UNITS = {MACHINE: "launches", SEED: "seeds"}
TOO_FEW_SEEDS = "no claim, {} only: write seeds = {}"  # in the sweep file


@dataclass(frozen=True)
class Comparison:
    """`second` against `first`, by one measure. `smallest_effect`: that is of account, in the unit of the measure, of ratios the
    share above 1 of the larger over the smaller."""

    name: str
    measure: Measure
    first: Arm
    second: Arm
    smallest_effect: float = 0.0


@dataclass(frozen=True)
class Judgement:
    comparison: Comparison
    effect: Effect
    adjusted_p: float
    verdict: str

    def samples(self):
        return f"{'' if self.effect.paired else 'un'}paired {UNITS[self.comparison.measure.decided_by]}"

    def winner(self):
        """The better arm where a difference is claimed, else None."""
        if self.verdict != CLAIM:
            return None
        grew = self.effect.estimate.value > self.effect.none()
        better = grew == self.comparison.measure.more_is_better
        return self.comparison.second if better else self.comparison.first


def declared(study):
    """(comparisons of all [[contrast]] that have launches of both arms, names of the others)"""
    able = [contrast for contrast in study.contrasts if study.has_both(contrast)]
    absent = [contrast.get("name", "?") for contrast in study.contrasts if not study.has_both(contrast)]
    return [_of(study, contrast) for contrast in able], absent


def _of(study, contrast):
    for key in ("name", "measure", "first", "second"):
        if key not in contrast:
            raise BadRunFile(f"a [[contrast]] lacks {key}; it has name, measure, first and second.")
    least = contrast.get("smallest_effect", 0.0)
    if type(least) not in (int, float) or not 0 <= least < np.inf:
        raise BadRunFile(f"smallest_effect = {least!r} of a [[contrast]] must be a finite number of at least 0.")
    comparison = Comparison(
        contrast["name"],
        measure(contrast["measure"]),
        study.arm(contrast["first"]),
        study.arm(contrast["second"]),
        least,
    )
    forced = [arm.label for arm in (comparison.first, comparison.second) if arm.forced()]
    if forced and comparison.measure.name in OF_HELD_OUT_TEXT:
        raise BadRunFile(
            f'the contrast "{comparison.name}" is about {comparison.measure.name}, and no loss is compared of {forced[0]}: '
            f"the loss of a forced run tells nothing of a model."
        )
    return comparison


def judge(comparisons, in_order=False, absent=0, claiming=True):
    """`in_order`: pairs are samples in the order in which they were made, not those of one seed and repeat. `absent`: declared
    comparisons without launches; they count in Holm's adjustment. Not `claiming`: other contrasts were declared."""
    effects = [compare(each.first, each.second, each.measure, in_order) for each in comparisons]
    p_values = [effect.estimate.p if np.isfinite(effect.estimate.p) else 1.0 for effect in effects]
    adjusted = launch_statistics.holm(p_values + [1.0] * absent)[: len(effects)]
    contrasts = len(effects) + absent
    return [
        Judgement(each, effect, p, _verdict(each, effect, p, contrasts) if claiming else UNDECLARED)
        for each, effect, p in zip(comparisons, effects, adjusted, strict=True)
    ]


def of(study):
    """The judgements of the declared contrasts, and the names of those without launches."""
    comparisons, absent = declared(study)
    return judge(comparisons, absent=len(absent)), absent


def winners(study):
    """Measure -> labels of the better sides of contrasts in which a difference is claimed."""
    won = {}
    for judgement in of(study)[0]:
        if winner := judgement.winner():
            won.setdefault(judgement.comparison.measure.name, set()).add(winner.label)
    return won


def _verdict(comparison, effect, adjusted_p, contrasts):
    n = effect.estimate.n
    if comparison.measure.decided_by == SEED and n < launch_statistics.FEWEST_LAUNCHES:
        return TOO_FEW_SEEDS.format(counted(n, "seed"), launch_statistics.pairs_needed(contrasts))
    if not launch_statistics.differs(effect.estimate, adjusted_p, effect.none()):
        return NO_CLAIM
    return CLAIM if effect.magnitude() >= comparison.smallest_effect else TOO_SMALL


def counted(n, what):
    """ "1 seed", "2 launches" """
    return f"{n} {what}{'' if n == 1 else 'es' if what.endswith('ch') else 's'}"
