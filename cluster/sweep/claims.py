"""What the declared contrasts cannot say whatever is measured, told before anything runs."""

from .run_files import SEED as BY_SEED
from .run_files import decided_by, pairs_needed
from .seeds import SEED


def _in_force(cell, sweep):
    return sweep.base_values | cell.settings | cell.labels


def _matching(side, cells, sweep):
    def has(cell, key, value):
        in_force = _in_force(cell, sweep)
        return key not in in_force or in_force[key] == value  # one that only the program knows is left to the figures

    return [cell for cell in cells if all(has(cell, key, value) for key, value in side.items())]


def _too_few(measure, sides, needed, told, sweep):
    """Why nothing can be claimed of so many launches, or seeds where these decide the measure; empty where it can."""
    if decided_by(measure) != BY_SEED:
        fewest = min(map(len, sides))
        return f"no difference can be claimed from {fewest} launches of a side; {told} {needed} (repeats = {sweep.repeats})" * (
            fewest < needed
        )
    fewest = min(len({_in_force(cell, sweep).get(SEED) for cell in side}) for side in sides)
    return (
        f"the seed decides {measure}, and no difference can be claimed from {fewest} seed{'s' * (fewest != 1)} of a side, "
        f"however often each is launched; {told} {needed}: write seeds = {needed}"
    ) * (fewest < needed)


def notices(sweep, cells):
    """One sentence for each contrast that the planned cells cannot carry."""
    if not sweep.contrasts or not cells:
        return
    needed = pairs_needed(len(sweep.contrasts))
    told = "one contrast needs" if len(sweep.contrasts) == 1 else f"{len(sweep.contrasts)} contrasts need"
    for contrast in sweep.contrasts:
        sides = [_matching(contrast[side], cells, sweep) for side in ("first", "second")]
        if not all(sides):
            yield f'contrast "{contrast["name"]}": no cell has the values of {"second" if sides[0] else "first"}'
        elif reason := _too_few(contrast["measure"], sides, needed, told, sweep):
            yield f'contrast "{contrast["name"]}": {reason}'
