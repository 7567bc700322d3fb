"""What the program itself says about a cell: its keys, its memory, or why it cannot be."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from . import Mistake
from .files import CODED
from .toml_file import toml_value

ROOT = Path(__file__).resolve().parents[2]
ANSWER = ("layout", "parameters", "memory_bytes_of_heaviest_rank", "cell_key", "computation_key")  # of a dry run


def find(given=None):
    """The executable: as given, else $MOESCOPE, the build folder, the installed one, PATH."""
    given = given or os.environ.get("MOESCOPE")
    places = [Path(given)] if given else [ROOT / "build/src/apps/moescope", ROOT.parents[1] / "bin/moescope"]
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return str(place.resolve())
    if given is None and (found := shutil.which("moescope")):
        return found
    raise Mistake(f"no program at {' or '.join(map(str, places))}; build it with cluster/setup/build.sh, or give --program")


def _call(words, threads=1):
    try:
        return subprocess.run(words, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, **CODED)
    except OSError as error:
        raise Mistake(f"{words[0]} cannot be started: {error.strerror}") from None


def version(executable):
    outcome = _call([executable, "--version"])
    if outcome.returncode or not outcome.stdout.strip():
        raise Mistake(f"{executable} --version failed: {outcome.stderr.strip() or 'it says nothing'}")
    return outcome.stdout.strip()


def arguments(base, settings):
    words = [str(base)]
    for key, value in settings.items():
        words += ["--set", f"{key}={toml_value(value)}"]
    return words


def _answer(executable, text):
    try:
        said = json.loads(text)
        return {part: said[part] for part in ANSWER}
    except (ValueError, KeyError, TypeError):
        raise Mistake(f"{executable} does not answer `run --dry-run --json` as moescope does; is it another program?") from None


def dry_run(executable, base, settings, threads):
    """(what `run --dry-run --json` says, "") or (None, the program's reason why this cell cannot be)."""
    outcome = _call([executable, "run", *arguments(base, settings), "--dry-run", "--json"], threads)
    if outcome.returncode == 0:
        return _answer(executable, outcome.stdout), ""
    lines = (outcome.stderr or outcome.stdout).strip().splitlines() or [f"exit code {outcome.returncode}"]
    return None, lines[-1].removeprefix("moescope: ")
