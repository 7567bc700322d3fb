"""Loss on held-out text at each evaluation: of the launches of an arm, and of one arm against another."""

import numpy as np

from comparison import compare, median_of
from decided_by import SEED
from measures import Measure

MEAN = "held out, mean of domains"


def _evaluations(arm):
    """(tokens trained on [V], loss [launch, V, D]) of the evaluations that all launches have made."""
    tokens = np.cumsum(min((run.over_steps("raw/tokens") for run in arm.runs), key=len))
    evaluations = [run.evaluations() for run in arm.runs]
    done = min(np.count_nonzero(at_step <= len(tokens)) for at_step, _ in evaluations)
    return np.concatenate([[0], tokens])[evaluations[0][0][:done]], np.array([loss[:done] for _, loss in evaluations])


def rows(arm, by_domain):
    """(arm, curve, tokens, loss, low, high, n): of each domain, or the mean of all."""
    tokens, losses = _evaluations(arm)
    if not len(tokens):
        return
    names = [f"held out: {name}" for name in arm.runs[0].names("domain")]
    curves = dict(zip(names, np.moveaxis(losses, 2, 0), strict=True)) if by_domain else {MEAN: losses.mean(axis=2)}
    for curve, values in curves.items():
        for at, of_launches in zip(tokens, values.T, strict=True):
            yield _row(arm, curve, at, median_of(arm.of_samples(of_launches, SEED)))


def differences(baseline, arm, curve):
    """Of the mean of the domains, at each number of tokens at which both were evaluated; as a contrast has it."""
    (base_tokens, base), (tokens, own) = _evaluations(baseline), _evaluations(arm)
    for at in sorted({*base_tokens.tolist()} & {*tokens.tolist()}):
        means = _of_launches(baseline, base_tokens, base, at) | _of_launches(arm, tokens, own, at)
        measure = Measure("held_out_loss", "nat/token", False, lambda run, means=means: means[run.path])
        yield _row(arm, curve, at, compare(baseline, arm, measure).estimate)


def _of_launches(arm, tokens, losses, at):
    (place,) = np.flatnonzero(tokens == at)[:1]
    return {run.path: loss[place].mean() for run, loss in zip(arm.runs, losses, strict=True)}


def _row(arm, curve, tokens, estimate):
    return arm.label, curve, tokens, estimate.value, estimate.low, estimate.high, estimate.n
