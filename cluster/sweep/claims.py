"""What the declared contrasts cannot say whatever is measured, told before anything runs."""

from .run_files import pairs_needed


def _matching(side, cells, sweep):
    def has(cell, key, value):
        in_force = sweep.base_values | cell.settings | cell.labels
        return key not in in_force or in_force[key] == value  # one that only the program knows is left to the figures

    return [cell for cell in cells if all(has(cell, key, value) for key, value in side.items())]


def notices(sweep, cells):
    """One sentence for each contrast that the planned cells cannot carry."""
    if not sweep.contrasts or not cells:
        return
    needed = pairs_needed(len(sweep.contrasts))
    told = "one contrast needs" if len(sweep.contrasts) == 1 else f"{len(sweep.contrasts)} contrasts need"
    for contrast in sweep.contrasts:
        first, second = (_matching(contrast[side], cells, sweep) for side in ("first", "second"))
        if not first or not second:
            yield f'contrast "{contrast["name"]}": no cell has the values of {"second" if first else "first"}'
        elif (fewest := min(len(first), len(second))) < needed:
            yield (
                f'contrast "{contrast["name"]}": no difference can be claimed from {fewest} launches of a side; '
                f"{told} {needed} (repeats = {sweep.repeats})"
            )
