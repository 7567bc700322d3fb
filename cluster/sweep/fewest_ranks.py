"""The number of ranks of a point that does not say it."""

import math


def fewest_ranks(values, sweep):
    """The fewest that the layout allows: dp x tp where dp is given, else lcm(tp, ep x etp). The one rule of the layout that the
    driver has of its own, as exclusions and the random order need the number before the program is asked."""

    def size(axis, default):
        key = f"layout.{axis}"
        value = values.get(key, sweep.base_values.get(key, 0)) or default
        return value if type(value) is int else default  # the program refuses it

    tp = size("tp", 1)
    smallest = math.lcm(tp, size("ep", 1) * size("etp", tp))
    return size("dp", 0) * tp or smallest
