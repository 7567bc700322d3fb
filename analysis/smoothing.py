"""A curve over steps as figures show it: the median of a window about each step, and the quartiles of what stands in it."""

import numpy as np

WINDOWS = 20  # about as many along the axis


def window(steps):
    """Steps of it; odd, so that one stands in its middle. 1, each step as it is, of a run of few steps."""
    return 2 * (steps // (2 * WINDOWS)) + 1


def told(steps):
    """The windows of these numbers of steps, in words."""
    few, most = window(min(steps)), window(max(steps))
    if most == 1:
        return "every step"
    return f"running median of {few} steps" if few == most else f"running median of {few} to {most} steps"


def running(values):
    """[sample, step] -> (places [P], quartiles [3, P]) of all samples in the window; NaN where one of the place itself is no
    finite number. Places are a quarter of a window apart."""
    values = np.asarray(values, float)
    steps = values.shape[1]
    wide = window(steps)
    places = np.arange(0, steps, max(1, wide // 4))
    return places, np.transpose([_quartiles(values, at, wide // 2) for at in places])


def _quartiles(values, at, half):
    if not np.isfinite(values[:, at]).all():
        return np.full(3, np.nan)
    around = values[:, max(0, at - half) : at + half + 1]
    return np.quantile(around[np.isfinite(around)], (0.25, 0.5, 0.75))
