"""What the declared contrasts cannot say whatever is measured, told before anything runs."""

from .run_files import OF_HELD_OUT_TEXT, decided_by, pairs_needed
from .run_files import SEED as BY_SEED
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


def _of_forced(measure, sides, sweep):
    """Why no loss is compared; empty where it can be."""
    forced = [_in_force(cell, sweep).get("routing.forced", "none") for side in sides for cell in side]
    workload = next((name for name in forced if name != "none"), None)
    return f"the loss of a run with routing.forced = {workload} tells nothing of a model" * bool(
        workload and measure in OF_HELD_OUT_TEXT
    )


def _without_evaluation(measure, sides, sweep):
    """Why there is no held-out text to measure on; empty where there is."""
    every = [_in_force(cell, sweep).get("eval.every", 0) for side in sides for cell in side]
    needs = measure in OF_HELD_OUT_TEXT and not all(every)
    return f"{measure} needs an evaluation, and there is none with eval.every = 0; write eval.every = train.steps" * needs


def notices(sweep, cells):
    """One sentence for each contrast that the planned cells cannot carry."""
    if not sweep.contrasts or not cells:
        return
    needed = pairs_needed(len(sweep.contrasts))
    told = "one contrast needs" if len(sweep.contrasts) == 1 else f"{len(sweep.contrasts)} contrasts need"
    for contrast in sweep.contrasts:
        measure, sides = contrast["measure"], [_matching(contrast[side], cells, sweep) for side in ("first", "second")]
        if not all(sides):
            reason = f"no cell has the values of {'second' if sides[0] else 'first'}"
        else:
            reason = (
                _of_forced(measure, sides, sweep)
                or _without_evaluation(measure, sides, sweep)
                or _too_few(measure, sides, needed, told, sweep)
            )
        if reason:
            yield f'contrast "{contrast["name"]}": {reason}'
