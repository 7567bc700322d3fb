"""Finds run files: those that are named, those below a folder, and those that the manifest of a sweep counts."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from run_file import BadRunFile

ATTEMPT = "attempt_"


@dataclass
class Launches:
    """Run files, and what a sweep's manifest adds: labels of a file's cell, keys that vary, what was declared before the runs."""

    paths: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)
    keys: list = field(default_factory=list)
    contrasts: list = field(default_factory=list)
    analysis: dict = field(default_factory=dict)

    def add(self, other):
        self.paths += other.paths
        self.labels |= other.labels
        self.keys = list(dict.fromkeys(self.keys + other.keys))
        self.contrasts += other.contrasts
        self.analysis |= other.analysis


def find(paths):
    found = Launches()
    for path in map(Path, paths):
        if (path / "manifest.json").is_file():
            found.add(_of_sweep(path))
        elif path.is_dir():
            found.add(Launches(_below(path)))
        else:
            found.add(Launches([path]))
    return found


def _below(folder):
    paths = sorted(folder.rglob("*.h5"))
    if not paths:
        raise BadRunFile(f"{folder}: no run file (.h5) in this folder.")
    return paths


def _of_sweep(folder):
    """The newest finished attempt of each cell that is planned and was not to be redone since."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        cells = [cell for cell in manifest["cells"] if cell["planned"]]
        found = Launches(
            contrasts=manifest["contrasts"],
            analysis=manifest.get("analysis", {}),
            keys=list(dict.fromkeys(key for cell in cells for key in cell["varied"])),
        )
        for cell in cells:
            files = [(int(path.parent.name.removeprefix(ATTEMPT)), path) for path in _attempts(folder, cell["name"])]
            counted = [path for number, path in sorted(files) if number > cell["redo_after"]]
            if counted:
                found.paths.append(counted[-1])
                found.labels[counted[-1]] = cell["labels"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadRunFile(f"{folder / 'manifest.json'}: not the manifest of a sweep ({error!r}).") from None
    if not found.paths:
        raise BadRunFile(f"{folder}: no cell of this sweep is complete.")
    return found


def name_of(path):
    """Of a run file among others: its cell's name in a sweep, else its own."""
    return path.parent.parent.name if path.parent.name.startswith(ATTEMPT) else path.name.split(".h5")[0]


def _attempts(folder, cell):
    return (folder / "cells" / cell).glob(f"{ATTEMPT}*/run.h5")
