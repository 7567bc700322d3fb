"""Distribution of the experts' load in the free window: share of (expert, step) with at most this load, 1 being an even share."""

import numpy as np

import style
from load import over_even_share
from table import Table

OF = "study"
SHARES = np.linspace(0, 1, 101)
MOST_COLOURS = 8
ALL = "every seed and router"


def table(study):
    if len(study.arms) == 1:
        loads = {f"router {name}": load for name, load in _by_router(study.arms[0]).items()}
    else:
        loads = {arm.label: np.concatenate([*_by_router(arm).values()]) for arm in study.arms}
    values = [_quantiles(load[np.isfinite(load)]) for load in loads.values()]
    return Table(
        ALL if len(study.arms) > 1 else "every seed, router by router",
        curve=("", np.repeat([*loads], len(SHARES))),
        load=("even share", np.concatenate(values)),
        share=("", np.tile(SHARES, len(loads))),
    )


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
    for number, curve in enumerate(curves):
        part = table.where(curve=curve)
        several = table.title == ALL
        colour = style.arm(curve)[0] if several else style.CYCLE[number][0] if len(curves) <= MOST_COLOURS else "#999999"
        marker = style.arm(curve)[1] if several else style.CYCLE[number % len(style.CYCLE)][1]
        axes.step(
            part["load"],
            part["share"],
            where="post",
            color=colour,
            marker=marker,
            markevery=20,
            label=style.told(curve, part["load"]),
        )
    axes.axvline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(xlabel="load (choices / even share)", ylabel="share of experts and steps", xlim=(0, None), ylim=(0, 1.02))
    axes.grid()
    if len(curves) <= MOST_COLOURS:
        style.legend(axes)
    return figure
