"""`[launch] explain`: one phased launch more of each configuration says where the time goes, and enters no claim."""

import json

from .points import Point
from .seeds import SEED

TIMING = "train.timing"
PHASED = {TIMING: "phased"}


def is_phased(settings, base_values):
    """The configuration of these settings; a base file that does not say it leaves the timing to the program, which is free."""
    return {**base_values, **settings}.get(TIMING) == PHASED[TIMING]


def _configuration(point, sweep):
    """Equal ones are explained by one launch; they may differ in labels, seeds and time limits."""
    threads = point.launch.get("threads", sweep.launch["threads"])
    settings = {key: value for key, value in point.settings.items() if key not in (SEED, TIMING)}
    return json.dumps([threads, settings], sort_keys=True)


def launches(planned, sweep):
    """Points that explain the planned ones, in the order of the sweep file: each with the first label and seed."""
    if not sweep.launch["explain"]:
        return []
    in_order = sorted(planned, key=lambda point: (point.place, point.repeat))
    phased = {_configuration(point, sweep) for point in in_order if is_phased(point.settings, sweep.base_values)}
    chosen = {}
    for point in in_order:
        chosen.setdefault(_configuration(point, sweep), Point(point.values | PHASED, point.repeat, point.place, explains=True))
    return [point for configuration, point in chosen.items() if configuration not in phased]
