"""Where the cells of a sweep stand, and how much longer it will take."""

from . import estimate
from .cell_files import State, state_of

ORDER = ("complete", "running", "queued", "waiting", "stopped", "interrupted", "failed", "wrong")


def _with_scheduler(state, said):
    """What a scheduler says of a cell that its files do not show as finished; `said`: (word, job)."""
    word, job = said
    if state.name == "stopped":
        state.name, state.reason = "queued", f"stopped at {state.progress()}; resumes by itself"
    elif state.name == "interrupted" and state.job == job:
        state.name, state.reason = word, ""
    elif state.name == "waiting" or (state.name in ("interrupted", "failed") and state.job != job):
        return State("queued", attempt=state.attempt)  # a later cell of a running task has not begun either
    return state


def states(cells, results, alive=None):
    """{cell name: State}; `alive`: {cell name: (queued or running, job)} of a scheduler, where there is one."""
    found = {}
    for cell in cells:
        state = state_of(cell, results.cell_folder(cell))
        found[cell.name] = _with_scheduler(state, alive[cell.name]) if cell.name in (alive or {}) else state
    return found


def _timed(cells, found):
    for cell in cells:
        state = found[cell.name]
        if state.name == "complete" and state.seconds and cell.expected_seconds:
            yield state.seconds, cell.expected_seconds * (1 - state.first_step / max(state.steps, 1))


def correction(cells, found):
    """Of expected times, by the cells that are finished."""
    return estimate.correction(list(_timed(cells, found)))


def _by_own_pace(state):
    """Seconds left of a cell that is at work; None before its first step."""
    own_steps = state.steps_done - state.first_step
    if state.name != "running" or own_steps < 1 or not state.seconds:
        return None
    return state.seconds * (state.steps - state.steps_done) / own_steps


def left_of(cell, state, corrected):
    """Expected seconds until the cell is done: by its own pace, else by the corrected rate; None: not known."""
    if state.name in ("complete", "wrong"):
        return 0
    if (own := _by_own_pace(state)) is not None or cell.expected_seconds is None:
        return own
    done = state.steps_done if state.name == "running" else state.checkpoint
    return cell.expected_seconds * corrected.factor * (1 - done / max(state.steps, 1))


def seconds_left(cells, found, everything=None):
    """(of one launch after another, in node-seconds, corrected by those of `everything` that are done, with that Correction)."""
    corrected = correction(everything or cells, found)
    left = [left_of(cell, found[cell.name], corrected) or 0 for cell in cells]
    return sum(left), sum(seconds * cell.nodes for seconds, cell in zip(left, cells, strict=True)), corrected


def counts(found):
    names = [state.name for state in found.values()]
    return {name: names.count(name) for name in ORDER if name in names}
