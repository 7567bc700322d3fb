"""Panels of images of the routers of one launch: how many are shown, and how many stand in a row."""

import numpy as np
from matplotlib import rcParams

import lettering

MOST, MOST_COLUMNS = 16, 4


def told(routers):
    return "" if routers <= MOST else f"; {MOST} of {routers} routers, evenly spaced: the table has all"


def chosen(routers):
    if len(routers) <= MOST:
        return routers
    return [routers[at] for at in np.linspace(0, len(routers) - 1, MOST).round().astype(int)]


def columns(titles, room):
    """As many as have room, in inches, for their titles."""
    widest = max(lettering.width(title, rcParams["axes.titlesize"]) for title in titles) + 0.1
    return int(np.clip(room / widest, 1, min(MOST_COLUMNS, len(titles))))
