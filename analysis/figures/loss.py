"""Cross-entropy against tokens: in training and on held-out text of each domain; of several configurations, held out."""

import numpy as np

import style
from decided_by import SEED
from run_file import NotDrawn
from study import median_of
from table import Table

OF = "study"
MARKERS = "os^Dvp*X"
TRAINING = "training"


def table(study):
    parts = [part for arm in study.arms for part in _curves(arm, len(study.arms) == 1)]
    if not parts:
        raise NotDrawn("no evaluation on held-out text is complete.")
    if not any(np.isfinite(row[3]) for part in parts for row in part):
        raise NotDrawn("no loss is a finite number: the training diverged from its first step on.")
    columns = [*zip(*(row for part in parts for row in part), strict=True)]
    launches = [len(arm.runs) for arm in study.arms]
    note = style.of_seeds(columns[-1], launches) if max(launches) > 1 else ""
    names = ["configuration", "curve", "tokens", "cross_entropy", "low", "high", "n"]
    units = ["", "", "token", "nat/token", "nat/token", "nat/token", ""]
    return Table(note, **{name: (unit, values) for name, unit, values in zip(names, units, columns, strict=True)})


def _curves(arm, alone):
    tokens = np.cumsum(min((run.over_steps("raw/tokens") for run in arm.runs), key=len))
    if alone:
        losses = [run.over_steps("raw/loss/cross_entropy")[: len(tokens)] for run in arm.runs]
        yield _rows(arm, TRAINING, tokens, losses)
    evaluations = [run.evaluations() for run in arm.runs]
    done = min(len(at_step) for at_step, _ in evaluations)
    tokens_then = np.concatenate([[0], tokens])[evaluations[0][0][:done]]
    held_out = np.array([loss[:done] for _, loss in evaluations])
    if alone and done:
        for domain, name in enumerate(arm.runs[0].names("domain")):
            yield _rows(arm, f"held out: {name}", tokens_then, held_out[:, :, domain])
    elif done:
        yield _rows(arm, "held out, mean of domains", tokens_then, held_out.mean(axis=2))


def _rows(arm, curve, tokens, losses):
    medians = [median_of(values) for values in np.transpose(arm.of_samples(losses, SEED))]
    return [
        (arm.label, curve, at, median.value, median.low, median.high, median.n)
        for at, median in zip(tokens, medians, strict=True)
    ]


def draw(table):
    figure = style.new_figure(style.COLUMN, 2.5)
    axes = figure.subplots()
    alone = len(table.distinct("configuration")) == 1
    for label in table.distinct("configuration"):
        for number, curve in enumerate(table.where(configuration=label).distinct("curve")):
            part = table.where(configuration=label, curve=curve)
            look = _look(curve, number - 1) if alone else dict(zip(("color", "marker"), style.arm(label), strict=True))
            axes.plot(
                part["tokens"], part["cross_entropy"], label=style.told(curve if alone else label, part["cross_entropy"]), **look
            )
            axes.fill_between(part["tokens"], part["low"], part["high"], color=axes.lines[-1].get_color(), alpha=0.2, linewidth=0)
    axes.set(xlabel="tokens trained on", ylabel="cross-entropy (nat per token)" if alone else "held-out loss (nat per token)")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="y")
    style.legend(axes)
    return figure


def _look(curve, domain):
    if curve == TRAINING:
        return {"color": "#999999", "linewidth": 0.7}
    return {"color": style.CYCLE[domain % len(style.CYCLE)][0], "marker": MARKERS[domain % len(MARKERS)]}
