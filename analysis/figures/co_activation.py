"""Which experts act together: how often two are chosen for one token, over how often their loads alone would bring them together,
by router."""

import numpy as np

import panels
import style
from load import lift
from run_file import NotDrawn
from table import Table

OF = "launch"
PAIRS = "raw/expert_pairs"
EXPERT_NUMBER, LABELS, BAR = 0.25, 0.35, 0.8  # inches
MOST_NUMBERS = 8


def table(run):
    if not run.has(PAIRS):
        raise NotDrawn(f"{run.path}: written before /{PAIRS} was recorded.")
    pairs, steps = _pairs(run)
    together = lift(pairs)
    if not np.isfinite(together).any():
        raise NotDrawn("no token goes to two experts.")
    routers, experts = run.names("router"), run.names("expert")
    return Table(
        f"one launch, {'step' if steps == 1 else 'sum of the steps'} stored in detail{panels.told(len(routers))}; "
        "1: as their loads alone would have it",
        router=("", np.repeat(routers, len(experts) ** 2)),
        expert=("", np.tile(np.repeat(experts, len(experts)), len(routers))),
        other_expert=("", np.tile(experts, len(routers) * len(experts))),
        pairs=("token", pairs.ravel()),
        lift=("", together.ravel()),
    )


def _pairs(run):
    """([L, E, E] of the detail steps after warm-up, how many these are)"""
    at = run.array("detail_step")
    done = at < run.steps_done
    steady = done & (run.array("raw/warm_up")[at] != 1)
    used = np.flatnonzero(steady if steady.any() else done)
    rows = [run.array(PAIRS, int(row)).astype(float) for row in used]
    rows = [row for row in rows if (row != np.iinfo("u4").max).all()] or [np.zeros(run.array(PAIRS, 0).shape)]
    return sum(rows), len(rows)


def draw(table):
    routers = panels.chosen(table.distinct("router"))
    figure = style.new_figure(style.PAGE if len(routers) > 1 else style.COLUMN, 1)
    room = figure.get_figwidth() - BAR
    columns = panels.columns([f"{router}{'':4}" for router in routers], room)
    rows, side = -(-len(routers) // columns), min(2.2, room / columns - LABELS)
    figure.set_figheight(rows * (side + 0.22) + 0.35)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    shown, norm = grid[: len(routers)], style.load_norm(table["lift"])
    numbers = min(MOST_NUMBERS, max(2, int(side / EXPERT_NUMBER)))
    for number, (axes, router) in enumerate(zip(shown, routers, strict=True)):
        image = _panel(axes, table.where(router=router), norm, numbers)
        axes.set_title(router, loc="left")
        axes.tick_params(labelleft=number % columns == 0)
        axes.set_xlabel("expert" if number + columns >= len(routers) else "")
        axes.set_ylabel("expert" if number % columns == 0 else "")
    for axes in grid[len(routers) :]:
        axes.remove()
    style.load_bar(figure, image, list(shown), "tokens of both\n(1: by load alone)", aspect=12, pad=0.01)
    return figure


def _panel(axes, table, norm, numbers):
    experts = table.distinct("expert")
    image = style.load_image(axes, table["lift"].reshape(len(experts), -1), norm)
    every = -(-len(experts) // numbers)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(range(0, len(experts), every), experts[::every])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image
