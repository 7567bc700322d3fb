"""How evenly each router spreads its choices: share of every expert before dropping, 1 where all are alike."""

import numpy as np

import style
from load import over_even_share
from table import Table

OF = "launch"
LARGEST_LABELLED = 16  # experts; with more, numbers in the cells cannot be read


def table(run):
    counts = run.steady_mean("raw/expert_tokens_routed")
    routers, experts = run.names("router"), run.names("expert")
    load = over_even_share(counts)
    return Table(
        "one launch, mean of the steps after warm-up; load: an expert's choices, before dropping, over an even share",
        router=("", np.repeat(routers, len(experts))),
        expert=("", np.tile(experts, len(routers))),
        load=("even share", load.ravel()),
    )


def draw(table):
    routers, experts = table.distinct("router"), table.distinct("expert")
    load = table["load"].reshape(len(routers), len(experts))
    figure = style.new_figure(style.COLUMN, np.clip(0.9 + 0.22 * len(routers), 1.8, 7))
    axes = figure.subplots()
    style.load_map(axes, load)
    if len(experts) <= LARGEST_LABELLED and len(routers) <= LARGEST_LABELLED:
        _number_cells(axes, load)
    _ticks(axes.xaxis, experts)
    _ticks(axes.yaxis, routers)
    axes.set(xlabel="expert", ylabel="router")
    axes.spines[:].set_visible(False)
    return figure


def _number_cells(axes, load):
    size = min(6, 56 / load.shape[1])
    for (router, expert), value in np.ndenumerate(load):
        dark = axes.images[0].norm(value) < 0.35
        axes.text(expert, router, f"{value:.2f}", ha="center", va="center", fontsize=size, color="white" if dark else "black")


def _ticks(axis, labels):
    every = 1 if len(labels) <= LARGEST_LABELLED else -(-len(labels) // 8)
    axis.set_ticks(range(0, len(labels), every), labels[::every])
    axis.set_tick_params(length=0)
