"""What the program itself says about a cell: its keys, its memory, or why it cannot be."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from . import Mistake

ROOT = Path(__file__).resolve().parents[2]


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
        return subprocess.run(words, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    except OSError as error:
        raise Mistake(f"{words[0]} cannot be started: {error.strerror}") from None


def version(executable):
    outcome = _call([executable, "--version"])
    if outcome.returncode:
        raise Mistake(f"{executable} --version failed: {outcome.stderr.strip()}")
    return outcome.stdout.strip()


def toml_value(value):
    return json.dumps(value, ensure_ascii=False)


def arguments(base, settings):
    words = [str(base)]
    for key, value in settings.items():
        words += ["--set", f"{key}={toml_value(value)}"]
    return words


def dry_run(executable, base, settings, threads):
    """(what `run --dry-run --json` says, "") or (None, the program's reason why this cell cannot be)."""
    outcome = _call([executable, "run", *arguments(base, settings), "--dry-run", "--json"], threads)
    if outcome.returncode == 0:
        return json.loads(outcome.stdout), ""
    lines = (outcome.stderr or outcome.stdout).strip().splitlines() or [f"exit code {outcome.returncode}"]
    return None, lines[-1].removeprefix("moescope: ")
