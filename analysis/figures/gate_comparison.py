"""What gates do, side by side: imbalance of experts, choices dropped, bytes that a token sends, held-out loss, and what the gate
costs; each a median with its interval."""

import numpy as np
from matplotlib.ticker import MaxNLocator

import claims
import style
from comparison import across, median_of
from measures import measure
from run_file import NotDrawn
from table import Table

OF = "comparison"
ROW = 0.25  # inches
MEASURES = {
    "imbalance_expert": "busiest expert\n(max / mean)",
    "dropped_fraction": "choices\ndropped (%)",
    "payload_bytes_per_token": "payload of\na token (kB)",
    "held_out_loss": "held-out\nloss (nat)",
    "gate_seconds_per_token": "gate, µs\nof a token",
}
SCALES = {"dropped_fraction": 100, "payload_bytes_per_token": 1e-3, "gate_seconds_per_token": 1e6}
WON = "filled: better side of a contrast that was won"


def table(study):
    won = claims.winners(study)
    rows = [row for name in MEASURES for row in _rows(study, measure(name), won.get(name, ()))]
    if not rows:
        raise NotDrawn("no configuration has any of these numbers.")
    names = ["measure", "configuration", "value", "low", "high", "n", "of", "better"]
    return Table(_title(study, rows), **{name: ("", values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _rows(study, each, winners):
    """Nothing of a measure without a number anywhere, or of what no configuration does."""
    estimates = [_estimate(arm, each) for arm in study.arms]
    values = np.array([estimate.value for estimate in estimates])
    if not np.isfinite(values).any() or (values == 0).all():
        return
    for arm, estimate in zip(study.arms, estimates, strict=True):
        told = (estimate.value, estimate.low, estimate.high, estimate.n)
        yield each.name, arm.label, *told, claims.UNITS[each.decided_by], arm.label in winners


def _estimate(arm, each):
    """Phased launches alone tell the time of a phase."""
    if each.name == "gate_seconds_per_token":
        return median_of([each.of_or_nan(run) for run in arm.told_apart()])
    return across(arm, each.of_or_nan, each.decided_by)


def _title(study, rows):
    counts = {unit: [row[5] for row in rows if row[6] == unit] for unit in dict.fromkeys(row[6] for row in rows)}
    told = [f"n = {min(n)}{f' to {max(n)}' if max(n) > min(n) else ''} {unit}" for unit, n in counts.items()]
    few = min(row[5] for row in rows) < 6
    said = WON if study.contrasts else "no contrast was declared"
    return f"medians, 95 % intervals{' (none below n = 6)' if few else ''}, {', '.join(told)}; {said}"


def draw(table):
    shown, labels = table.distinct("measure"), table.distinct("configuration")
    figure = style.new_figure(style.PAGE, 0.75 + ROW * len(labels))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        _panel(axes, table.where(measure=name), SCALES.get(name, 1))
        axes.set_xlabel(MEASURES[name])
    style.arms_down(panels[0], labels)
    return figure


def _panel(axes, table, scale):
    for row in range(len(table)):
        part = table.at([row])
        scaled = Table("", **{name: ("", part[name] * scale) for name in ("value", "low", "high")})
        colour, marker = style.arm(str(part["configuration"][0]))
        fill = "full" if part["better"][0] else "none"
        style.whiskers(axes, [row], scaled, "value", None, down=True, color=colour, marker=marker, fillstyle=fill)
        if not np.isfinite(part["value"][0]):
            axes.text(0.04, row, "-", transform=axes.get_yaxis_transform(), va="center", fontsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.grid(axis="x")
    style.at_least(axes, 0.02)
