"""status: cells done, running and failed, and the time left. Files first; a scheduler adds to them where it answers."""

from dataclasses import dataclass

from . import progress
from .estimate import duration, left
from .executors import BY_NAME


@dataclass
class View:
    """Where a sweep stands at a moment."""

    folder: object
    planned: list  # cells
    found: dict  # {cell name: State}
    earlier: int  # cells of earlier plans
    scheduler_answers: bool

    def unfinished(self):
        """Whether anything is still to come by itself."""
        return any(state.name in ("waiting", "queued", "running") for state in self.found.values())


def view(results):
    facts, cells = results.load()
    planned = [cell for cell in cells if cell.planned]
    alive = BY_NAME[facts["site"]["executor"]].alive(results)
    found = progress.states(planned, results, alive)
    return View(results.folder, planned, found, len(cells) - len(planned), alive is not None)


def _alive_lines(cells, found):
    corrected = progress.correction(cells, found)
    for cell in cells:
        state = found[cell.name]
        if state.name == "running":
            steps = f"{state.progress()}, " if state.steps else ""
            to_come = f"about {duration(progress.left_of(cell, state, corrected))} left"
            yield f"  running: {cell.name} ({steps}since {duration(state.seconds)}, {to_come}, attempt {state.attempt})"
        elif state.name == "queued" and state.reason:
            yield f"  queued: {cell.name}, attempt {state.attempt}: {state.reason}"


def _bad_lines(cells, found, most):
    bad = [cell for cell in cells if found[cell.name].name in ("stopped", "failed", "interrupted", "wrong")]
    for cell in bad[:most]:
        state = found[cell.name]
        goes_on = f"; goes on at step {state.checkpoint}" if state.checkpoint and state.name != "wrong" else ""
        yield f"  {state.name}: {cell.name}, attempt {state.attempt}, {state.progress()}: {state.reason}{goes_on}"
    if len(bad) > most:
        yield f"  and {len(bad) - most} more; --all lists them"


def lines(seen, list_all=False):
    planned, found = seen.planned, seen.found
    told = ", ".join(f"{count} {name}" for name, count in progress.counts(found).items())
    yield f"{seen.folder}: {len(planned)} cells: {told}"
    yield from _alive_lines(planned, found)
    yield from _bad_lines(planned, found, len(planned) if list_all else 10)
    seconds, node_seconds, corrected = progress.seconds_left(planned, found)
    if seconds:
        yield f"  left, one after another: {left(seconds, corrected)}; {node_seconds / 3600:.3g} node-hours"
    if not seen.scheduler_answers:
        yield "  the scheduler does not answer: what is queued or running is judged by files alone"
    if seen.earlier:
        yield f"  {seen.earlier} cells of earlier plans are kept beside them"
