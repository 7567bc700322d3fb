"""`seeds = 6`: each point with six values of train.seed, counted up from that of the base file; the same ones in every arm."""

from . import Mistake, keys

SEED = "train.seed"


def _require_nowhere_else(path, told, fixed, parts):
    places = [("set", fixed), ("sweep.matrix", parts["matrix"]), *(("sweep.zip", group) for group in parts["zip"])]
    places += [*(("sweep.include", point) for point in parts["include"]), ("sweep.derive", parts["derive"])]
    for place, values in places:
        if SEED in values:
            raise Mistake(
                f"{path}: {SEED} is given in [{place}] beside {told}, which gives it to each point; leave one of them out"
            )


def read(path, data, base, base_values, fixed, parts):
    """The values; none where the sweep file does not ask for any."""
    if "seeds" not in data:
        return []
    told = f"seeds = {keys.count(path, 'seeds', data['seeds'], 1)}"
    _require_nowhere_else(path, told, fixed, parts)
    if SEED not in base_values:
        raise Mistake(f"{path}: {told} counts up from {SEED} of {base.name}, which does not give it; write it there: {SEED} = 1")
    first = keys.count(base, SEED, base_values[SEED], 0, 2**62)
    return list(range(first, first + data["seeds"]))
