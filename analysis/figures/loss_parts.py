"""What the training objective is made of: the cross-entropy, and the weighted balance loss of each router, which is the rest."""

import numpy as np

import looks
import style
from table import Table

OF = "launch"
TITLE = "one launch, every step; below: what the total has beyond the cross-entropy, "


def table(run):
    run.refuse_losses()
    balance, routers = run.over_steps("raw/loss/balance"), run.names("router")
    columns = {
        "step": ("", np.arange(run.steps_done)),
        "total": ("nat/token", run.over_steps("raw/loss/total")),
        "cross_entropy": ("nat/token", run.over_steps("raw/loss/cross_entropy")),
    }
    parts = {f"balance {name}": ("nat/token", balance[:, router]) for router, name in enumerate(routers)}
    told = f"a curve for each of {len(routers)} routers" if len(routers) > looks.MOST_COLOURS else "router by router"
    return Table(TITLE + told, **columns, **parts)


def draw(table):
    figure = style.new_figure(style.COLUMN, 3.4)
    above, below = figure.subplots(2, 1, sharex=True)
    style.curve(above, table["step"], table["total"], "total", ("#BBBBBB", "o"), 0, 2, width=2.5)
    style.curve(above, table["step"], table["cross_entropy"], "cross-entropy", ("#0072B2", "s"), 1, 2)
    above.set_ylabel("loss (nat per token)")
    style.legend(above)
    parts = [name for name in table.names if name.startswith("balance ")]
    for number, name in enumerate(parts):
        look = looks.of_many(number, len(parts))
        style.curve(below, table["step"], table[name], name.removeprefix("balance "), look, number, len(parts))
    below.set(xlabel="step", ylabel="balance loss (nat)")
    style.whole_steps(below)
    if len(parts) <= looks.MOST_COLOURS:
        style.legend(below)
    for axes in (above, below):
        axes.grid(axis="y")
    return figure
