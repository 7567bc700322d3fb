"""One look for every figure: sizes, and a fixed colour and hatch for each phase and kind of communication."""

from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

COLUMN = 3.5  # inches, one column of IEEE's two
PAGE = 7.16

LOAD_COLOURS = "PuOr_r"  # diverging, centred at an even load

# Okabe and Ito's colours; the hatch tells apart what prints alike in grey.
PHASES = {
    "data": ("#999999", ""),
    "embedding": ("#F0E442", ""),
    "attention": ("#0072B2", ""),
    "gate": ("#CC79A7", ""),
    "dispatch": ("#E69F00", "///"),
    "experts": ("#009E73", ""),
    "combine": ("#E69F00", "\\\\\\"),
    "head": ("#56B4E9", "..."),
    "communication": ("#D55E00", ""),
    "gradients": ("#D55E00", "xxx"),
    "optimizer": ("#56B4E9", ""),
    "record": ("#999999", "///"),
}
OTHER_PHASE = ("#FFFFFF", "")
WHOLE_STEP = "#999999"

ONE_RANK = "one rank: no communication"

WAIT = ("#FFFFFF", "////")
TRANSFER = ("#D55E00", "")


def apply():
    matplotlib.style.use(str(Path(__file__).with_name("moescope.mplstyle")))


def new_figure(width, height):
    return Figure(figsize=(width, height), layout="constrained")


def sentence(text):
    """Instead of a figure, the reason why there is none."""
    figure = new_figure(COLUMN, 1)
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def caption(figure, run):
    """The line that marks runs whose numbers must not be taken at face value."""
    marks = run.marks()
    if marks:
        figure.supxlabel("; ".join(marks), fontsize=6, x=0.01, ha="left", color="#B00000")
