"""Cross-entropy while training, and on held-out text of each domain, against tokens trained on."""

import numpy as np

import style

MARKERS = "os^Dvp*X"


def draw(run):
    figure = style.new_figure(style.COLUMN, 2.4)
    axes = figure.subplots()
    tokens = np.cumsum(run.over_steps("raw/tokens"))
    axes.plot(tokens, run.over_steps("raw/loss/cross_entropy"), color="#999999", linewidth=0.7, label="training")
    at_step, held_out = run.evaluations()
    tokens_then = np.concatenate([[0], tokens])[at_step]
    for domain, name in enumerate(run.names("domain")):
        if len(at_step):
            axes.plot(tokens_then, held_out[:, domain], marker=MARKERS[domain % len(MARKERS)], label=f"held out: {name}")
    axes.set(xlabel="tokens trained on", ylabel="cross-entropy (nat per token)")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="y")
    axes.legend()
    return figure
