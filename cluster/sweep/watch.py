"""status --watch: again and again until nothing waits, is queued or runs. A terminal shows it in place; a file or a pipe gets a
block where a cell came further."""

import shutil
import sys
from time import sleep

from . import status

INTERRUPTED = 130  # exit code after Ctrl-C, as of a shell
UP, CLEAR = "\033[{}F", "\033[J"  # to the beginning of that many lines above; from there to the end of the screen


def _fitting(lines):
    """A line that wraps or a block that scrolls could not be drawn over."""
    columns, rows = shutil.get_terminal_size()
    shown = lines if len(lines) < rows else [*lines[: max(rows - 2, 1)], f"  and {len(lines) - max(rows - 2, 1)} more lines"]
    return [line if len(line) < columns else f"{line[: columns - 2]}…" for line in shown]


class _Terminal:
    def __init__(self):
        self._drawn = 0

    def show(self, seen, lines, last):
        over = (UP.format(self._drawn) if self._drawn else "") + CLEAR
        lines = lines if last else _fitting(lines)
        print(over + "\n".join(lines), flush=True)
        self._drawn = len(lines)


class _Log:
    def __init__(self):
        self._before = None

    def show(self, seen, lines, last):
        standing = {name: (state.name, state.attempt, state.steps_done, state.reason) for name, state in seen.found.items()}
        if standing != self._before:
            print("\n".join(lines), flush=True)
        self._before = standing


def follow(results, list_all, seconds):
    screen = _Terminal() if sys.stdout.isatty() else _Log()
    try:
        while True:
            seen = status.view(results)
            unfinished = seen.unfinished()
            screen.show(seen, list(status.lines(seen, list_all)), last=not unfinished)
            if not unfinished:
                return 0
            sleep(seconds)
    except KeyboardInterrupt:
        return INTERRUPTED
