"""Load of experts as every figure shows it."""

import numpy as np


def over_even_share(counts):
    """Choices of each expert (the last axis) over an even share of its router's; NaN where nothing was routed."""
    even = counts.mean(axis=-1, keepdims=True)
    return np.divide(counts, even, out=np.full(counts.shape, np.nan), where=even > 0)
