"""The plan as a person reads it: points, what was left out and why, time, memory, node-hours."""

from . import claims, progress
from .estimate import START_UP_SECONDS, duration, size
from .explaining import is_phased
from .seeds import SEED


def table(rows, header):
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    return [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [header, *rows]
    ]


def text_of(values):
    return " ".join(f"{key.rsplit('.', 1)[-1]}={value}" for key, value in values.items())


def _point_rows(cells, seeds, factor):
    """A row for each point, seeds of the sweep file and repeats counted; `factor`: of the expected times."""
    groups = {}
    for cell in cells:
        told = text_of({key: value for key, value in cell.varied.items() if not (seeds and key == SEED)})
        groups.setdefault((told, cell.shape), []).append(cell)
    for (told, _), group in sorted(groups.items(), key=lambda item: item[0]):
        one = group[0]
        yield (
            told or "(one point)",
            len(group),
            len({cell.settings.get(SEED) for cell in group}),
            one.ranks,
            one.threads,
            one.nodes,
            size(one.memory_bytes_of_heaviest_rank),
            duration(one.expected_seconds and one.expected_seconds * factor),
            f"{one.minutes} min",
        )


def _left_out(told, entries):
    reasons = {}
    for entry in entries:
        reasons.setdefault(entry["reason"], []).append(entry["values"])
    for reason, values in reasons.items():
        yield f"{told}: {len(values)} x {reason}"
        yield f"    {text_of(values[0])}{' and others' if len(values) > 1 else ''}"


def node_hours(cells, factor):
    """Of the expected times; of the time limit where a cell has no expectation."""
    seconds = (cell.expected_seconds * factor if cell.expected_seconds else cell.minutes * 60 for cell in cells)
    return sum(cell.nodes * each for cell, each in zip(cells, seconds, strict=True)) / 3600


def lines(plan, seeds, site, correction):
    header = ("point", "launches", "seeds", "ranks", "threads", "nodes", "memory/rank", "expected", "limit")
    yield from table(list(_point_rows(_claiming(plan.cells), seeds, correction.factor)), header)
    yield from _left_out("dropped by the program", plan.dropped)
    yield from _left_out("left out by the sweep file", plan.excluded)
    computations = len({cell.computation_key for cell in plan.cells})
    yield f"{len(plan.cells)} cells, {computations} computations; {len(plan.dropped)} dropped, {len(plan.excluded)} left out"
    yield (
        f"about {node_hours(plan.cells, correction.factor):.3g} node-hours on {site.name}, at most "
        f"{sum(cell.nodes * cell.minutes for cell in plan.cells) / 60:.3g} by the time limits"
    )
    yield (
        f"expected times: {START_UP_SECONDS} s + 6 x active parameters x tokens / (cores x {site.flops_per_core:.2g} FLOP/s "
        f"of the site file); {correction}"
    )
    over = sum(cell.ranks * cell.threads > cell.nodes * site.cores_per_node for cell in plan.cells)
    if over:
        yield f"{over} cells have more threads than cores: they give counts and bytes, but no times"


def _claiming(cells):
    return [cell for cell in cells if not cell.explains]


def _phased(sweep, cells):
    if explaining := sum(cell.explains for cell in cells):
        yield (
            f"{explaining} of the cells are phased launches that explain: one of each configuration, after all of them, "
            "for no claim ([launch] explain = false leaves them out)"
        )
    phased = sum(is_phased(cell.settings, sweep.base_values) for cell in _claiming(cells))
    if phased:
        yield (
            f"{phased} cells are phased: they give the phases of a step, but no step time, throughput or MFU; "
            'those need train.timing = "free"'
        )


def show(plan, sweep, site, results):
    found = progress.states(plan.cells, results)
    correction = progress.correction(plan.cells, found)
    print("\n".join([*lines(plan, sweep.seeds, site, correction), *_phased(sweep, plan.cells)]))
    for notice in claims.notices(sweep, _claiming(plan.cells)):
        print(f"notice: {notice}")
