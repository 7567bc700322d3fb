"""Cross-entropy against tokens, in training and on held-out text: of each domain; of several configurations the mean of the
domains, with its difference to the baseline's beneath."""

import numpy as np

import held_out
import smoothing
import style
from comparison import median_of
from decided_by import SEED
from looks import CYCLE
from run_file import NotDrawn
from table import Table

OF = "study"
TRAINING, HELD_OUT, DIFFERENCE = "training", "held out", "difference"
GREY = "#777777"
NAMES = ["configuration", "curve", "tokens", "cross_entropy", "low", "high", "n"]


def table(study):
    arms = study.natural_arms()
    rows = [row for arm in arms for row in (*_training(arm), *held_out.rows(arm, by_domain=len(arms) == 1))]
    if not any(np.isfinite(row[3]) for row in rows):
        raise NotDrawn("no loss is a finite number: the training diverged from its first step on.")
    baseline = next((arm for arm in arms if arm is study.baseline()), arms[0])
    rows += [row for arm in arms if arm is not baseline for row in held_out.differences(baseline, arm, DIFFERENCE)]
    units = ["", "", "token", "nat/token", "nat/token", "nat/token", ""]
    columns = zip(NAMES, units, zip(*rows, strict=True), strict=True)
    return Table(_title(arms, rows, baseline), **{name: (unit, values) for name, unit, values in columns})


def _training(arm):
    """To the last step that all launches did; a median over seeds, smoothed."""
    tokens = np.cumsum(min((run.over_steps("raw/tokens") for run in arm.runs), key=len))
    losses = arm.of_samples([run.over_steps("raw/loss/cross_entropy")[: len(tokens)] for run in arm.runs], SEED)
    medians = [median_of(values).value for values in losses.T]
    places, (_, middle, _) = smoothing.running([medians])
    return [
        (arm.label, TRAINING, tokens[at], value, np.nan, np.nan, len(losses)) for at, value in zip(places, middle, strict=True)
    ]


def _title(arms, rows, baseline):
    n, launches = [row[-1] for row in rows], [len(arm.runs) for arm in arms]
    parts = [f"thin: training, {smoothing.told([run.steps_done for arm in arms for run in arm.runs])}"]
    several = ", mean of domains, those of one number of tokens side by side" if len(arms) > 1 else ""
    parts += [f"markers: held-out text{several}"] * any(row[1].startswith(HELD_OUT) for row in rows)
    parts += [style.of_seeds(n, launches)]
    parts += [f"below: held-out loss minus that of {baseline.label}"] * any(row[1] == DIFFERENCE for row in rows)
    return "; ".join(parts)


def draw(table):
    below = len(table.where(curve=DIFFERENCE)) > 0
    figure = style.new_figure(style.COLUMN, 3.6 if below else 2.5)
    axes = figure.subplots(1 + below, 1, sharex=True, squeeze=False, height_ratios=[5, 3][: 1 + below])[:, 0]
    (_several if len(table.distinct("configuration")) > 1 else _alone)(axes[0], table)
    axes[0].set_ylabel("cross-entropy (nat per token)")
    if below:
        _differences(axes[1], table)
    for one in axes:
        one.grid(axis="y")
    axes[-1].set_xlabel("tokens trained on")
    axes[-1].locator_params(axis="x", nbins=5)
    style.legend(axes[0])
    return figure


def _thin(axes, part, colour, label):
    axes.plot(part["tokens"], part["cross_entropy"], color=colour, linewidth=0.6, label=label)


def _alone(axes, table):
    training = table.where(curve=TRAINING)
    _thin(axes, training, GREY, style.told(TRAINING, training["cross_entropy"]))
    for number, curve in enumerate(table.distinct("curve")[1:]):
        part = table.where(curve=curve)
        colour, marker = CYCLE[number % len(CYCLE)]
        style.whiskers(axes, part["tokens"], part, "cross_entropy", curve, color=colour, marker=marker)


def _several(axes, table):
    labels = table.distinct("configuration")
    held_out = table.at(np.char.startswith(table["curve"], HELD_OUT))
    for number, label in enumerate(labels):
        colour, marker = style.arm(label)
        training, part = table.where(configuration=label, curve=TRAINING), held_out.where(configuration=label)
        if len(part):
            _thin(axes, training, colour, "_")
            at = style.beside(part["tokens"], number, len(labels))
            style.whiskers(axes, at, part, "cross_entropy", label, color=colour, marker=marker, linestyle=_joined(part))
        else:
            style.curve(axes, training["tokens"], training["cross_entropy"], label, (colour, marker), number, len(labels))
    if len(held_out):
        axes.plot([], [], color=GREY, linewidth=0.6, label=TRAINING)
        axes.plot([], [], color=GREY, marker="o", label=HELD_OUT)


def _joined(evaluations):
    """A line through two points, before and after the training, would show a course that nobody has seen."""
    return "-" if len(evaluations) > 2 else "none"


def _differences(axes, table):
    labels = table.distinct("configuration")
    axes.axhline(0, color="black", linewidth=0.5, linestyle=":")
    for label in labels:
        part = table.where(configuration=label, curve=DIFFERENCE)
        colour, marker = style.arm(label)
        at = style.beside(part["tokens"], labels.index(label), len(labels))
        style.whiskers(axes, at, part, "cross_entropy", "_", color=colour, marker=marker, linestyle=_joined(part))
    axes.set_ylabel("held out, minus\nbaseline (nat)")
