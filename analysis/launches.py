"""Finds run files: those that are named, those below a folder, and those that the manifest of a sweep counts."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from run_file import BadRunFile, is_run_file

ATTEMPT = re.compile(r"attempt_([1-9][0-9]*)")
FOREIGN = "an HDF5 file, but no run file of moescope"


@dataclass
class Launches:
    """Run files, and what a sweep's manifest adds: labels of a file's cell, keys that vary, what was declared before the runs.
    `passed_over`: (path, why) of what lies among them and is not ours."""

    paths: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)
    keys: list = field(default_factory=list)
    contrasts: list = field(default_factory=list)
    analysis: dict = field(default_factory=dict)
    passed_over: list = field(default_factory=list)

    def add(self, other):
        self.paths += other.paths
        self.labels |= other.labels
        self.keys = list(dict.fromkeys(self.keys + other.keys))
        self.contrasts += other.contrasts
        self.analysis |= other.analysis
        self.passed_over += other.passed_over


def find(paths):
    found = Launches()
    for path in map(Path, paths):
        if (path / "manifest.json").is_file():
            found.add(_of_sweep(path))
        elif path.is_dir():
            found.add(_below(path))
        else:
            found.add(Launches([path]))
    return found


def _below(folder):
    paths = sorted(folder.rglob("*.h5"))
    foreign = [path for path in paths if not is_run_file(path)]
    if len(paths) == len(foreign):
        raise BadRunFile(f"{folder}: no run file (.h5) in this folder.")
    return Launches([path for path in paths if path not in foreign], passed_over=[(path, FOREIGN) for path in foreign])


def _of_sweep(folder):
    """The newest finished attempt of each cell that is planned and was not to be redone since."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        cells = [cell for cell in manifest["cells"] if cell["planned"]]
        found = Launches(
            contrasts=manifest["contrasts"],
            analysis=manifest.get("analysis", {}),
            keys=list(dict.fromkeys(key for cell in cells for key in cell["varied"])),
            passed_over=_foreign(folder / "cells", [cell["name"] for cell in manifest["cells"]]),
        )
        for cell in cells:
            counted = [path for number, path in _attempts(folder / "cells" / cell["name"]) if number > cell["redo_after"]]
            if counted:
                found.paths.append(counted[-1])
                found.labels[counted[-1]] = cell["labels"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadRunFile(f"{folder / 'manifest.json'}: not the manifest of a sweep ({error!r}).") from None
    if not found.paths:
        raise BadRunFile(f"{folder}: no cell of this sweep is complete.")
    return found


def _foreign(cells, names):
    """What lies beside the cells of the manifest, and beside their attempts with a run file in it."""
    beside = [(path, "no cell of this sweep") for path in sorted(cells.glob("*/")) if path.name not in names]
    inside = [path.parent for name in names for path in sorted((cells / name).glob("*/run.h5"))]
    return beside + [(path, "no attempt of a cell") for path in inside if not ATTEMPT.fullmatch(path.name)]


def name_of(path):
    """Of a run file among others: its cell's name in a sweep, else its own."""
    return path.parent.parent.name if ATTEMPT.fullmatch(path.parent.name) else path.name.split(".h5")[0]


def _attempts(cell):
    """(number, run file) by number."""
    named = [(ATTEMPT.fullmatch(path.parent.name), path) for path in cell.glob("*/run.h5")]
    return sorted((int(match[1]), path) for match, path in named if match)
