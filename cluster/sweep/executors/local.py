"""Runs cells on this machine, one after another. A killed driver takes its launch with it; files tell what was done."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time

from .. import Mistake, estimate, progress
from ..cell_files import state_of
from ..files import read_text

PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)
SECONDS_PER_MINUTE = 60
LIBC = ctypes.CDLL(None)  # loaded before any fork


def _die_with_parent():
    LIBC.prctl(PARENT_DEATH, signal.SIGTERM)


def _end(process, number, seconds):
    """A signal, time for a checkpoint and last words, then force; asked a second time, at once."""
    process.send_signal(number)
    try:
        process.wait(seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _launch(cell, folder, notice_seconds):
    words = ["bash", str(folder / "launch.sh")]
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent
    )
    try:
        process.wait(cell.minutes * SECONDS_PER_MINUTE)
    except subprocess.TimeoutExpired:
        _end(process, signal.SIGUSR1, notice_seconds)
    except BaseException:
        print(f"    stopping with a checkpoint, at most {notice_seconds} s; Ctrl-C again ends it at once", flush=True)
        _end(process, signal.SIGTERM, notice_seconds)
        raise


@contextlib.contextmanager
def _term_stops():
    """SIGTERM ends the driver as Ctrl-C does: with its launch, in order."""

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_one(cell, results, site):
    began = time.monotonic()
    _launch(cell, results.cell_folder(cell), site.notice_seconds)
    state = state_of(cell, results.cell_folder(cell))
    told = f": {state.reason}" if state.reason else ""
    print(f"    {state.name} after {time.monotonic() - began:.1f} s{told}", flush=True)
    return state


def submit(cells, everything, facts, site, results, dry_run=False):
    """`cells`: to be run now; `everything`: all of the plan, whose finished launches tell how long the others take."""
    if dry_run:
        print("\n".join(f"bash {results.cell_folder(cell) / 'launch.sh'}" for cell in cells))
        return
    found = progress.states(everything, results)
    with _term_stops():
        for number, cell in enumerate(cells, 1):
            seconds, _, corrected = progress.seconds_left(cells[number - 1 :], found, everything)
            print(f"[{number}/{len(cells)}] {cell.name}; left: {estimate.left(seconds, corrected)}", flush=True)
            found[cell.name] = _run_one(cell, results, site)
    if found and all(state.name in ("failed", "interrupted", "wrong") for state in found.values()):
        raise Mistake(f"each of {len(found)} cells failed; `status` says why")


def alive(results):
    """Nothing is known beyond the files' own locks."""
    return {}


def cancel(results):
    """Asks the driver at work on these results to stop, with its launch."""
    try:
        pid, host = read_text(results.folder / "lock").split()
    except (OSError, ValueError):
        return "no driver is at work"
    if host != os.uname().nodename:
        return f"the driver runs on {host}; cancel it there"
    if not results.is_locked():
        return "no driver is at work"
    os.kill(int(pid), signal.SIGTERM)
    return f"asked the driver (process {pid}) to stop"
