"""What the files of a cell say about it; no scheduler is asked."""

import fcntl
import math
import re
import time
from dataclasses import dataclass

from .files import read_text
from .launch_script import STOPPED, checkpoint_folder
from .run_files import standing


@dataclass
class State:
    """`name`: waiting, running, complete, stopped (by a signal, with a checkpoint), failed (ended by itself), interrupted (ended
    by nobody), wrong."""

    name: str
    reason: str = ""
    attempt: int = 0
    first_step: int = 0  # of the attempt, which went on from a checkpoint where it is not 0
    steps_done: int = 0
    steps: int = 0
    seconds: float | None = None  # of the attempt, from its beginning to its end or until now
    run_file: object = None
    checkpoint: int = 0  # steps done of the newest checkpoint; 0: there is none
    job: str = ""  # of the scheduler

    def progress(self):
        return f"step {self.steps_done} of {self.steps}" if self.steps else "no step"


def _facts(path):
    try:
        return dict(line.split("=", 1) for line in read_text(path).splitlines() if "=" in line)
    except OSError:
        return {}


def _number(facts, name):
    """None where the file was cut off, as on a full disk."""
    try:
        number = float(facts[name])
    except (KeyError, ValueError):
        return None
    return number if math.isfinite(number) else None


def attempt_number(folder):
    return int(folder.name.removeprefix("attempt_"))


def is_attempt(path):
    return re.fullmatch(r"attempt_[1-9][0-9]*", path.name) is not None and path.is_dir()


def attempts(cell_folder):
    return sorted(filter(is_attempt, cell_folder.glob("attempt_*")), key=attempt_number)


def jobs(cell, folder):
    """Of the scheduler, that the attempts which count were made in."""
    counted = [attempt for attempt in attempts(folder) if attempt_number(attempt) > cell.redo_after]
    return list(filter(None, (_facts(attempt / "began").get("job", "") for attempt in counted)))


def lock_is_held(cell_folder):
    try:
        with open(cell_folder / "lock") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _newest_checkpoint(cell, folder):
    steps = [int(path.name.removeprefix("step_")) for path in checkpoint_folder(cell, folder).glob("step_" + 8 * "[0-9]")]
    return max(steps, default=0)


def _last_words(attempt, ended):
    """The program's own sentence, else how the launch ended."""
    try:
        lines = read_text(attempt / "stderr.txt").strip().splitlines()
    except OSError:
        lines = []
    own = [line for line in lines if line.startswith("moescope: ")]
    if ended.get("reason"):
        return ended["reason"]
    if own:
        return own[-1].removeprefix("moescope: ")
    last = f"; its last line: {lines[-1].strip()}" if lines else ""
    return f"ended with code {ended.get('code', '?')}{last}"


def _seconds(attempt):
    began, ended = _number(_facts(attempt / "began"), "began"), _number(_facts(attempt / "ended"), "ended")
    return None if began is None else (time.time() if ended is None else ended) - began


def _state(name, attempt, found):
    first_step = int(_number(_facts(attempt / "began"), "from") or 0)
    return State(name, "", attempt_number(attempt), first_step, found.steps_done, found.steps, _seconds(attempt))


def _finished(cell, attempt):
    """The state that a final run file means; None where there is none."""
    path = attempt / "run.h5"
    if not path.is_file():
        return None
    found = standing(path)
    state = _state("complete", attempt, found)
    state.run_file = path
    if found.status == "wrong":
        state.name, state.reason = "wrong", found.reason
    elif found.status != "complete":
        state.name, state.reason = "failed", f"{found.reason}; --redo runs it again"
    elif found.cell_key != cell.cell_key:
        state.name = "failed"
        state.reason = "its run file has another cell_key than the plan: program, threads or data changed in between; submit anew"
    return state


def state_of(cell, folder):
    """The newest attempt that counts, or a finished one before it."""
    counted = [attempt for attempt in attempts(folder) if attempt_number(attempt) > cell.redo_after]
    if not counted:
        return State("waiting")
    for attempt in counted:
        if state := _finished(cell, attempt):
            return state
    last = counted[-1]
    found = standing(last / "run.h5.partial")
    ended = _facts(last / "ended")
    state = _state("failed", last, found)
    state.job, state.checkpoint = _facts(last / "began").get("job", ""), _newest_checkpoint(cell, folder)
    if ended.get("code") == str(STOPPED):
        state.name, state.reason = "stopped", ended.get("reason") or found.reason
    elif ended:
        at_fault = "; should its checkpoint be at fault, --redo begins anew" if 0 < state.first_step >= state.steps_done else ""
        state.reason = _last_words(last, ended) + at_fault
    elif lock_is_held(folder):
        state.name = "running"
    else:
        state.name, state.reason = "interrupted", "its launch ended without a word: killed, or its machine stopped"
    return state
