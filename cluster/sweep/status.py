"""status: cells done, running and failed, and the time left. Files first; a scheduler adds to them where it answers."""

from . import progress
from .estimate import duration, left
from .executors import BY_NAME


def _alive_lines(cells, found):
    for cell in cells:
        state = found[cell.name]
        if state.name == "running":
            steps = f"{state.progress()}, " if state.steps else ""
            yield f"  running: {cell.name} ({steps}since {duration(state.seconds)}, attempt {state.attempt})"
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


def lines(results, list_all=False):
    facts, cells = results.load()
    planned = [cell for cell in cells if cell.planned]
    alive = BY_NAME[facts["site"]["executor"]].alive(results)
    found = progress.states(planned, results, alive)
    told = ", ".join(f"{count} {name}" for name, count in progress.counts(found).items())
    yield f"{results.folder}: {len(planned)} cells: {told}"
    yield from _alive_lines(planned, found)
    yield from _bad_lines(planned, found, len(planned) if list_all else 10)
    seconds, node_seconds, corrected = progress.seconds_left(planned, found)
    if seconds:
        yield f"  left, one after another: {left(seconds, corrected)}; {node_seconds / 3600:.3g} node-hours"
    if alive is None:
        yield "  the scheduler does not answer: what is queued or running is judged by files alone"
    if len(cells) > len(planned):
        yield f"  {len(cells) - len(planned)} cells of earlier plans are kept beside them"
