"""How the load of each expert moves over the steps, for the most uneven router."""

import numpy as np

import style
from load import over_even_share
from run_file import NotDrawn
from table import Table

OF = "launch"


def table(run):
    imbalance = run.steady_mean("derived/imbalance/experts/max_over_mean")
    if not np.isfinite(imbalance).any():
        raise NotDrawn("no router has an imbalance that is a finite number.")
    shown = int(np.argmax(np.where(np.isfinite(imbalance), imbalance, -1)))
    counts = run.over_steps("raw/expert_tokens_routed")[:, shown]
    load = over_even_share(counts)
    experts = run.names("expert")
    return Table(
        f"router {run.names('router')[shown]}, the most uneven; one launch, every step; load: choices over an even share",
        step=("", np.repeat(np.arange(len(load)), len(experts))),
        expert=("", np.tile(experts, len(load))),
        load=("even share", load.ravel()),
    )


def draw(table):
    steps, experts = table.distinct("step"), table.distinct("expert")
    load = table["load"].reshape(len(steps), len(experts))
    figure = style.new_figure(style.COLUMN, 2.0)
    axes = figure.subplots()
    style.load_map(axes, load.T, extent=(-0.5, len(load) - 0.5, load.shape[1] - 0.5, -0.5))
    axes.set(xlabel="step", ylabel="expert")
    style.whole_steps(axes)
    axes.locator_params(axis="y", integer=True)
    return figure
