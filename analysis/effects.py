"""Effects of one configuration against another, as a table with claims and as a figure of intervals."""

import numpy as np
from matplotlib.ticker import LogLocator

import launch_statistics
import lettering
import style
from claims import CLAIM, UNITS, judge
from run_file import NotDrawn
from table import Table

FILLED = "filled: a difference is claimed"
WIDE = 4  # of the largest over the smallest ratio; beyond, the axis is logarithmic
OPEN = "no claims: other contrasts were declared"


def table(comparisons, title, in_order=False, absent=0, claiming=True):
    """A row for each Comparison; times as ratios second / first, all else as differences second - first; the rest as
    for `judge`."""
    if not comparisons:
        raise NotDrawn("nothing to compare with the baseline.")
    judged = judge(comparisons, in_order, absent, claiming)
    estimates = [one.effect.estimate for one in judged]
    power = _power(judged, len(judged) + absent if claiming else 0)
    return Table(
        f"{title}; 95 % intervals, {power}; " + (FILLED if claiming else OPEN),
        contrast=("", [one.comparison.name for one in judged]),
        measure=("", [one.comparison.measure.name for one in judged]),
        effect=("", [_kind(one) for one in judged]),
        value=("", [estimate.value for estimate in estimates]),
        low=("", [estimate.low for estimate in estimates]),
        high=("", [estimate.high for estimate in estimates]),
        n=("", [estimate.n for estimate in estimates]),
        samples=("", [one.samples() for one in judged]),
        p=("", [estimate.p for estimate in estimates]),
        p_holm=("", [one.adjusted_p for one in judged]),
        verdict=("", [one.verdict for one in judged]),
    )


def _kind(judgement):
    unit = judgement.comparison.measure.unit
    return "ratio" if judgement.effect.ratio else f"difference ({unit})" if unit else "difference"


def _power(judged, contrasts):
    """n of launches and of seeds, and whether so many could show anything at all of so many contrasts."""
    groups = {unit: [one.effect for one in judged if one.comparison.measure.decided_by == by] for by, unit in UNITS.items()}
    told = {unit: _power_of(group, contrasts) for unit, group in groups.items() if group}
    return told["launches"] if [*told] == ["launches"] else ", ".join(f"{power} {unit}" for unit, power in told.items())


def _power_of(effects, contrasts):
    fewest, most = min(e.estimate.n for e in effects), max(e.estimate.n for e in effects)
    count = f"n = {fewest}" if fewest == most else f"n = {fewest} to {most}"
    paired = any(effect.paired for effect in effects)
    needed = launch_statistics.pairs_needed(max(contrasts, 1)) if paired else launch_statistics.FEWEST_LAUNCHES
    needs = "one contrast needs" if contrasts == 1 else f"{contrasts} contrasts need"
    where = "" if all(effect.paired for effect in effects) or not paired else " where paired"
    return f"{count}: too few{where}, {needs} {needed}" if contrasts and fewest < needed else count


def draw(axes, table, label):
    rows = np.arange(len(table))
    ratio = table["effect"][0] == "ratio"
    axes.axvline(1 if ratio else 0, color="black", linewidth=0.5, linestyle=":")
    for row in rows:
        claimed = table["verdict"][row] == CLAIM
        look = {"color": "#0072B2" if claimed else "#777777", "marker": "o", **({} if claimed else style.OPEN)}
        style.whiskers(axes, [row], table.at([row]), "value", None, down=True, **look)
        if not np.isfinite(table["value"][row]):
            axes.text(0.02, row, "not finite", transform=axes.get_yaxis_transform(), va="center", fontsize=6)
    style.arms_down(axes, table["contrast"])
    axes.set_xlabel("\n".join(lettering.broken(label if ratio else f"{label}, {table['effect'][0]}", 1.9, 8)))
    axes.grid(axis="x")
    if ratio:
        _log_where_wide(axes, table)


def _log_where_wide(axes, table):
    """Ratios from far below to far above are as far from 1."""
    reach = np.concatenate([table[name] for name in ("value", "low", "high")])
    reach = reach[np.isfinite(reach) & (reach > 0)]
    if len(reach) and reach.max() > WIDE * reach.min():
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(LogLocator(2, numticks=6))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
