"""Load of experts as every figure shows it."""

import numpy as np


def over_even_share(counts):
    """Choices of each expert (the last axis) over an even share of its router's; NaN where nothing was routed."""
    even = counts.mean(axis=-1, keepdims=True)
    return np.divide(counts, even, out=np.full(counts.shape, np.nan), where=even > 0)


def lift(pairs):
    """pairs [..., E, E]: tokens of which both experts were chosen; the diagonal, each expert's choices -> how often two experts
    meet over how often they would, were their choices' loads all that decides: 1. NaN on the diagonal and where nothing meets."""
    pairs = np.asarray(pairs, float)
    apart = ~np.eye(pairs.shape[-1], dtype=bool)
    loads = np.diagonal(pairs, axis1=-2, axis2=-1)
    expected = loads[..., :, None] * loads[..., None, :] * apart
    met = pairs * apart
    scale = expected.sum(axis=(-2, -1), keepdims=True)
    of_all = np.divide(met.sum(axis=(-2, -1), keepdims=True), scale, out=np.zeros(scale.shape), where=scale > 0)
    return np.divide(met, expected * of_all, out=np.full(pairs.shape, np.nan), where=expected * of_all > 0)
