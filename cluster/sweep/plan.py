"""Sweep file -> cells with keys and estimates; what cannot be is dropped with the program's own reason."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import Mistake, estimate, explaining, plan_checks, program
from .cell import Cell, name_of, nodes_for
from .points import expand


@dataclass
class Plan:
    cells: list = field(default_factory=list)
    dropped: list = field(default_factory=list)  # {"values", "reason"}: the program's
    excluded: list = field(default_factory=list)  # {"values", "reason"}: the sweep file's


def _varied_keys(launches):
    """Keys whose value is not the same in all points, in the order of their first appearance."""
    keys = dict.fromkeys(key for point in launches for key in point.values)
    return [key for key in keys if len({repr(point.values.get(key)) for point in launches}) > 1]


def _make(point, said, settings, threads, varied, sweep, site):
    def value_of(key):
        return settings.get(key, sweep.base_values.get(key))

    ranks = said["layout"]["ranks"]
    nodes = nodes_for(ranks, threads, site)
    seconds = estimate.expected_seconds(value_of, said["parameters"]["active"], ranks, threads, nodes, site)
    own = {key: point.values[key] for key in varied if key in point.values}
    configured = value_of("checkpoint.every") is not None
    return Cell(
        name=name_of(own, point.repeat, said["cell_key"], point.explains),
        labels=point.labels,
        settings=settings,
        varied=own,
        repeat=point.repeat,
        ranks=ranks,
        threads=threads,
        nodes=nodes,
        minutes=estimate.time_limit(point.launch.get("minutes", sweep.launch["minutes"]), seconds, site.notice_seconds),
        memory_bytes_of_heaviest_rank=said["memory_bytes_of_heaviest_rank"]["total"],
        expected_seconds=seconds,
        cell_key=said["cell_key"],
        computation_key=said["computation_key"],
        checkpoint_every=0 if configured else estimate.checkpoint_every(value_of("train.steps"), seconds),
        explains=point.explains,
    )


def _memory_reason(cell, site):
    need = cell.memory_bytes_of_heaviest_rank * min(cell.ranks, site.ranks_per_node(cell.threads))
    if site.memory_per_node and need > site.memory_per_node:
        have = estimate.size(site.memory_per_node)
        return f"needs about {estimate.size(need)} on a node, and a node of {site.name} has {have}"
    return ""


def _asked(points, sweep, site, executable):
    """(point, settings, threads, (what the program says, its reason)) of each."""

    def ask(point):
        settings = point.settings | {"record.repeat": point.repeat, "record.site": site.name}
        threads = point.launch.get("threads", sweep.launch["threads"])
        return point, settings, threads, program.dry_run(executable, sweep.base, settings, threads)

    with ThreadPoolExecutor(4) as pool:
        yield from pool.map(ask, points)


def _add(plan, points, varied, sweep, site, executable):
    """The points that got a cell; the others are dropped with their reason."""
    for point, settings, threads, (said, reason) in _asked(points, sweep, site, executable):
        cell = _make(point, said, settings, threads, varied, sweep, site) if said else None
        reason = reason or _memory_reason(cell, site)
        if reason:
            plan.dropped.append({"values": point.values | {"repeat": point.repeat}, "reason": reason})
        else:
            plan.cells.append(cell)
            yield point


def make(sweep, site, executable):
    expansion = expand(sweep, executable)
    plan_checks.require_labels(expansion.launches, sweep)
    varied = _varied_keys(expansion.launches)
    plan = Plan(excluded=[{"values": values, "reason": reason} for values, reason in expansion.excluded])
    planned = list(_add(plan, expansion.launches, varied, sweep, site, executable))
    list(_add(plan, explaining.launches(planned, sweep), varied, sweep, site, executable))
    plan_checks.require_time(plan.cells, site)
    plan_checks.require_distinct(plan.cells)
    return plan


def require_cells(plan):
    if not plan.cells:
        left_out = [*plan.dropped, *plan.excluded]
        raise Mistake(f"no cell can be run; the first of {len(left_out)} that are left out: {left_out[0]['reason']}")
