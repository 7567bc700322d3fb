"""Where a step's time goes on each rank: fenced phases, and the wait and transfer of each communication axis."""

import numpy as np

import style

REFUSAL = "no time figure: more threads than cores"


def draw(run):
    if run.oversubscribed():
        return style.sentence(REFUSAL)
    ranks = run["rank"][()]
    figure = style.new_figure(style.PAGE, 2.6)
    left, right = figure.subplots(1, 2)
    if run.phased():
        _phases(left, run, ranks)
    _step(left, run, ranks)
    _communication(right, run)
    figure.get_layout_engine().set(wspace=0.06)
    return figure


def _phases(axes, run, ranks):
    seconds = run.steady_mean("raw/phase_seconds")
    bottom = np.zeros(len(ranks))
    for phase, name in enumerate(run.names("phase")):
        if seconds[:, phase].any():
            colour, hatch = style.PHASES.get(name, style.OTHER_PHASE)
            axes.bar(
                ranks, seconds[:, phase], bottom=bottom, color=colour, hatch=hatch, edgecolor="black", linewidth=0.3, label=name
            )
            bottom += seconds[:, phase]


def _step(axes, run, ranks):
    seconds = run.steady_mean("raw/step_seconds")
    if run.phased():
        axes.plot(ranks, seconds, linestyle="none", marker="_", markersize=14, color="black", label="whole step")
        axes.set_title("phased run: fences and barriers in each step", loc="left")
    else:
        axes.bar(ranks, seconds, color=style.WHOLE_STEP, edgecolor="black", linewidth=0.3, label="whole step")
        axes.set_title("free run: no fences, phases not told apart", loc="left")
    axes.set(xlabel="rank", ylabel="seconds per step", ylim=(0, None))
    axes.margins(x=0.2 if len(ranks) < 8 else 0.02)
    axes.set_xticks(ranks[:: -(-len(ranks) // 16)])
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5))


def _communication(axes, run):
    axis_of = np.array(run.names("provenance/collective_axis"))
    kinds = sorted(set(axis_of), key=list(axis_of).index)
    if not kinds:
        axes.text(0.5, 0.5, style.ONE_RANK, ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    bottom = np.zeros(len(kinds))
    transfer = "transfer" if run.phased() else "waiting and transfer"
    for what, label, (colour, hatch) in (("transfer", transfer, style.TRANSFER), ("wait", "wait", style.WAIT)):
        seconds = run.steady_mean(f"raw/collective_{what}_seconds").mean(axis=0)
        sums = np.array([seconds[axis_of == kind].sum() for kind in kinds])
        if np.isfinite(sums).all():
            axes.bar(kinds, sums, bottom=bottom, color=colour, hatch=hatch, edgecolor="black", linewidth=0.3, label=label)
            bottom += sums
    axes.set(xlabel="communication axis", ylabel="seconds per step")
    axes.set_title("exchanges, mean of ranks", loc="left")
    axes.margins(x=0.1)
    axes.legend()
