"""What the training objective is made of: the cross-entropy, and the weighted balance loss of each router."""

import numpy as np

import style
from table import Table

OF = "launch"
MOST_COLOURS = 8


def table(run):
    balance, routers = run.over_steps("raw/loss/balance"), run.names("router")
    columns = {
        "step": ("", np.arange(run.steps_done)),
        "total": ("nat/token", run.over_steps("raw/loss/total")),
        "cross_entropy": ("nat/token", run.over_steps("raw/loss/cross_entropy")),
    }
    return Table(**columns, **{f"balance {name}": ("nat/token", balance[:, router]) for router, name in enumerate(routers)})


def draw(table):
    figure = style.new_figure(style.COLUMN, 3.4)
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(table["step"], table["total"], color="#000000", label=style.told("total", table["total"]))
    above.plot(
        table["step"],
        table["cross_entropy"],
        color="#56B4E9",
        linestyle="--",
        label=style.told("cross-entropy", table["cross_entropy"]),
    )
    above.set_ylabel("loss (nat per token)")
    style.legend(above)
    parts = [name for name in table.names if name.startswith("balance ")]
    for number, name in enumerate(parts):
        colour = style.CYCLE[number][0] if len(parts) <= MOST_COLOURS else "#999999"
        below.plot(
            table["step"], table[name], color=colour, linewidth=0.8, label=style.told(name.removeprefix("balance "), table[name])
        )
    below.set(xlabel="step", ylabel="balance loss (nat)")
    style.whole_steps(below)
    if len(parts) <= MOST_COLOURS:
        style.legend(below)
    else:
        below.set_title(f"each of {len(parts)} routers", loc="left")
    for axes in (above, below):
        axes.grid(axis="y")
    return figure
