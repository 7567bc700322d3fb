"""Effects of one configuration against another, as a table with claims and as a figure of intervals."""

import numpy as np
from matplotlib.ticker import LogLocator

import launch_statistics
import lettering
import style
from decided_by import MACHINE, SEED
from run_file import BadRunFile, NotDrawn
from study import compare
from table import Table

CLAIM, NO_CLAIM, UNDECLARED = "difference", "no difference claimed", "not declared"
UNITS = {MACHINE: "launches", SEED: "seeds"}
TOO_FEW_SEEDS = "no claim, {} only: write seeds = {}"  # in the sweep file
FILLED = "filled: a difference is claimed"
WIDE = 4  # of the largest over the smallest ratio; beyond, the axis is logarithmic
OPEN = "no claims: other contrasts were declared"


def declared(study, contrast, measure):
    """name, measure and the two arms of one [[contrast]]."""
    for key in ("name", "measure", "first", "second"):
        if key not in contrast:
            raise BadRunFile(f"a [[contrast]] lacks {key}; it has name, measure, first and second.")
    return contrast["name"], measure(contrast["measure"]), study.arm(contrast["first"]), study.arm(contrast["second"])


def table(comparisons, title, in_order=False, absent=0, claiming=True):
    """(name, measure, first arm, second arm) each; times as ratios second / first, all else as differences second - first.
    `in_order`: pairs are samples in the order in which they were made, not those of one seed and repeat. `absent`: declared
    comparisons without launches; they count in Holm's adjustment. Not `claiming`: other contrasts were declared."""
    if not comparisons:
        raise NotDrawn("nothing to compare with the baseline.")
    effects = [compare(first, second, measure, in_order) for _, measure, first, second in comparisons]
    deciders = [measure.decided_by for _, measure, *_ in comparisons]
    contrasts = len(effects) + absent
    p_values = [effect.estimate.p if np.isfinite(effect.estimate.p) else 1.0 for effect in effects]
    adjusted = launch_statistics.holm(p_values + [1.0] * absent)[: len(effects)]
    verdicts = [_verdict(*one, contrasts) if claiming else UNDECLARED for one in zip(effects, deciders, adjusted, strict=True)]
    estimates = [effect.estimate for effect in effects]
    return Table(
        f"{title}; 95 % intervals, {_power(effects, deciders, contrasts if claiming else 0)}; " + (FILLED if claiming else OPEN),
        contrast=("", [name for name, *_ in comparisons]),
        measure=("", [measure.name for _, measure, _, _ in comparisons]),
        effect=(
            "",
            [
                "ratio" if effect.ratio else f"difference ({comparison[1].unit})" if comparison[1].unit else "difference"
                for effect, comparison in zip(effects, comparisons, strict=True)
            ],
        ),
        value=("", [estimate.value for estimate in estimates]),
        low=("", [estimate.low for estimate in estimates]),
        high=("", [estimate.high for estimate in estimates]),
        n=("", [estimate.n for estimate in estimates]),
        samples=(
            "",
            [f"{'' if e.paired else 'un'}paired {UNITS[decider]}" for e, decider in zip(effects, deciders, strict=True)],
        ),
        p=("", [estimate.p for estimate in estimates]),
        p_holm=("", adjusted),
        verdict=("", verdicts),
    )


def _verdict(effect, decider, adjusted_p, contrasts):
    n = effect.estimate.n
    if decider == SEED and n < launch_statistics.FEWEST_LAUNCHES:
        return TOO_FEW_SEEDS.format(_seeds(n), launch_statistics.pairs_needed(contrasts))
    return CLAIM if launch_statistics.differs(effect.estimate, adjusted_p, effect.none()) else NO_CLAIM


def _seeds(count):
    return f"{count} seed{'s' * (count != 1)}"


def _power(effects, deciders, contrasts):
    """n of launches and of seeds, and whether so many could show anything at all of so many contrasts."""
    groups = {unit: [e for e, decider in zip(effects, deciders, strict=True) if decider == by] for by, unit in UNITS.items()}
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
        look = {"color": "#0072B2" if claimed else "#777777", "fillstyle": "full" if claimed else "none", "marker": "o"}
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
