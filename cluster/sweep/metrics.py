"""The numbers of one run file that go into a sweep's table; docs/definitions.md, "Table of a sweep", says what they mean."""

import math
from dataclasses import dataclass

NAN = math.nan


@dataclass
class Metric:
    name: str
    unit: str
    value: float
    within_run_low: float = NAN  # interval of the steps' median: never to compare cells
    within_run_high: float = NAN
    steps: int = 1


def _unit(dataset):
    unit = dataset.attrs.get("units", "")
    return unit.decode() if isinstance(unit, bytes) else str(unit)


def _summaries(run):
    """value, and the interval of the steps' median within this launch."""
    for name, data in run["derived/summary"].items():
        value, _, low, high, steps = data[()]
        yield Metric(name, _unit(data), value, low, high, int(steps))


def _last(run, path, name):
    values = run.over_steps(path)
    yield Metric(name, _unit(run[path]), values[-1])


def _held_out(run):
    steps, losses = run.evaluations()
    if len(steps):
        for domain, loss in zip(run.names("domain"), losses[-1], strict=True):
            yield Metric(f"held_out_loss/{domain}", _unit(run["raw/eval/loss"]), loss)


def _losses(run):
    """Of a run whose gates chose."""
    yield from _last(run, "raw/loss/total", "loss")
    yield from _last(run, "raw/loss/cross_entropy", "cross_entropy")
    yield from _held_out(run)


def _by_exchange(run, path, name):
    """Sum over ranks, mean over the steps after warm-up."""
    steps = int((run.over_steps("raw/warm_up") != 1).sum())
    sums = run.steady_mean(path).sum(axis=0)
    for exchange, value in zip(run.names("collective"), sums, strict=True):
        yield Metric(f"{name}/{exchange}", _unit(run[path]), value, steps=steps)
    yield Metric(name, _unit(run[path]), sums.sum(), steps=steps)


def _phases(run):
    if run.phased() and not run.oversubscribed():
        seconds = run.steady_mean("raw/phase_seconds", times=True).mean(axis=0)
        for phase, value in zip(run.names("phase"), seconds, strict=True):
            yield Metric(f"phase_seconds/{phase}", "s", value)


def _memory(run):
    yield Metric("memory_bytes", "B", run.over_steps("raw/memory_bytes").max())
    for purpose, value in zip(run.names("memory_purpose"), run.over_steps("raw/memory_by_purpose").max(axis=(0, 1)), strict=True):
        yield Metric(f"memory_bytes/{purpose}", "B", value)


def of(run):
    """Every metric of an open run file. One that the file has no number for is NaN."""
    yield from _summaries(run)
    if not run.forced():
        yield from _losses(run)
    yield from _phases(run)
    yield from _by_exchange(run, "raw/collective_payload_bytes", "payload_bytes")
    yield from _by_exchange(run, "raw/collective_wire_bytes", "wire_bytes")
    yield from _memory(run)


def of_scheduler(joules):
    """What the scheduler counted of all launches of a cell; None: nothing."""
    if joules is not None:
        yield Metric("slurm_joules", "J", float(joules))
