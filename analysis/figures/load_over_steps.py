"""The load of each expert of the most uneven router over the steps, and the imbalance of every router."""

import numpy as np
from matplotlib.colors import TwoSlopeNorm

import style

MOST_COLOURS = 8


def draw(run):
    imbalance = run.over_steps("derived/imbalance/expert/max_over_mean")
    routers = run.names("router")
    shown = int(np.nanargmax(run.steady_mean("derived/imbalance/expert/max_over_mean")))
    figure = style.new_figure(style.COLUMN, 3.6)
    above, below = figure.subplots(2, 1, sharex=True)
    _load(figure, above, run.over_steps("raw/expert_tokens_routed")[:, shown])
    above.set_title(f"router {routers[shown]}", loc="left")
    _imbalance(below, imbalance, routers, shown)
    return figure


def _load(figure, axes, counts):
    load = counts / counts.mean(axis=1, keepdims=True)
    image = axes.imshow(
        load.T,
        cmap=style.LOAD_COLOURS,
        norm=TwoSlopeNorm(1, 0, max(2, np.nanmax(load))),
        aspect="auto",
        interpolation="nearest",
        extent=(-0.5, len(load) - 0.5, load.shape[1] - 0.5, -0.5),
    )
    axes.set_ylabel("expert")
    axes.locator_params(axis="y", integer=True)
    figure.colorbar(image, ax=axes, label="choices / even share")


def _imbalance(axes, imbalance, routers, shown):
    steps = np.arange(len(imbalance))
    few = len(routers) <= MOST_COLOURS
    if not few:
        others = axes.plot(steps, np.delete(imbalance, shown, axis=1), color="#BBBBBB", linewidth=0.6)
        others[0].set_label("the other routers")
    for router in range(len(routers)) if few else [shown]:
        axes.plot(steps, imbalance[:, router], color=f"C{router % MOST_COLOURS}", label=routers[router], linewidth=0.8)
    axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set(xlabel="step", ylabel="max / mean load")
    axes.set_xlim(-0.5, len(imbalance) - 0.5)
    axes.grid(axis="y")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=4, borderaxespad=0, columnspacing=1)
