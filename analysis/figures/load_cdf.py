"""Distribution of the experts' load in the free window: share of (expert, step) with at most this load, 1 being an even share."""

import numpy as np

import looks
import style
from load import over_even_share
from table import Table

OF = "study"
SHARES = np.linspace(0, 1, 101)
ALL = "all experts, steps after warm-up, seeds and routers"


def table(study):
    arms = study.routed_arms()
    if len(study.arms) == 1:
        loads = {f"router {name}": load for name, load in _by_router(arms[0]).items()}
    else:
        loads = {arm.label: np.concatenate([*_by_router(arm).values()]) for arm in arms}
    values = [_quantiles(load[np.isfinite(load)]) for load in loads.values()]
    return Table(
        _title(study, arms),
        curve=("", np.repeat([*loads], len(SHARES))),
        load=("even share", np.concatenate(values)),
        share=("", np.tile(SHARES, len(loads))),
    )


def _title(study, arms):
    seeds = [len(arm.one_of_each_seed()) for arm in arms]
    counted = f"n = {min(seeds)}" + (f" to {max(seeds)}" if max(seeds) > min(seeds) else "") + f" seed{'s' * (max(seeds) > 1)}"
    of = ALL if len(study.arms) > 1 else "all experts, steps after warm-up and seeds, a curve for each router"
    return f"{of}, {counted}: no interval; dotted: an even share"


def _quantiles(load):
    return np.quantile(load, SHARES, method="inverted_cdf") if len(load) else np.full(len(SHARES), np.nan)


def _by_router(arm):
    """Load of each (seed, step, expert) of each router, flat."""
    load = over_even_share(np.concatenate([run.steady("raw/expert_tokens_routed") for run in arm.one_of_each_seed()]))
    return {name: load[:, router].ravel() for router, name in enumerate(arm.runs[0].names("router"))}


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.3)
    axes = figure.subplots()
    curves = table.distinct("curve")
    several = table.title.startswith(ALL)
    for number, curve in enumerate(curves):
        part = table.where(curve=curve)
        colour, marker = style.arm(curve) if several else looks.of_many(number, len(curves))
        places = (4 + number * 20 // len(curves), 20)  # markers of curves that coincide stand beside one another
        look = {"color": colour, "marker": marker, "markevery": places, "linewidth": 0.8}
        axes.step(part["load"], part["share"], where="post", label=style.told(curve, part["load"]), **look)
    axes.axvline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(
        xlabel="load (choices of an expert / even share)",
        ylabel="share of experts and steps\nwith at most this load",
        ylim=(0, 1.02),
    )
    axes.grid()
    if len(curves) <= looks.MOST_COLOURS or several:
        style.legend(axes)
    return figure
