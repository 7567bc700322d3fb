"""The folder of a sweep's results: manifest.json says what is to be run, before anything is."""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path

from . import Mistake
from .cell import Cell
from .files import CODED, read_text, write_atomically
from .site import Site

VERSION = 1


class Results:
    def __init__(self, folder):
        self.folder = Path(os.path.realpath(folder))
        self.manifest_path = self.folder / "manifest.json"

    def cell_folder(self, cell):
        return self.folder / "cells" / cell.name

    def load(self):
        """(facts of the sweep, cells)"""
        try:
            data = json.loads(read_text(self.manifest_path))
            if data["version"] != VERSION:
                raise Mistake(f"{self.manifest_path} has version {data['version']}; this driver reads version {VERSION}")
            Site(**data["site"])
            return data, [Cell(**entry) for entry in data["cells"]]
        except FileNotFoundError:
            raise Mistake(f"{self.folder} holds no manifest.json: nothing has been submitted there") from None
        except (ValueError, KeyError, TypeError) as error:
            raise Mistake(f"{self.manifest_path} is damaged, or another driver's: {error}") from None

    def exists(self):
        return self.manifest_path.is_file()

    def save(self, facts, cells):
        self.folder.mkdir(parents=True, exist_ok=True)
        data = facts | {"version": VERSION} | {"cells": [cell.as_json() for cell in cells]}
        write_atomically(self.manifest_path, json.dumps(data, indent=1) + "\n")

    def update(self, facts, plan):
        """Plans anew: cells that are known keep their attempts, those of an earlier plan stay listed, out of the table."""
        known = {cell.cell_key: cell for cell in self.load()[1]} if self.exists() else {}
        planned = plan.cells
        for cell in planned:
            if old := known.pop(cell.cell_key, None):
                cell.name, cell.redo_after = old.name, old.redo_after
        for old in known.values():
            old.planned = False
        cells = planned + list(known.values())
        facts |= {"dropped": plan.dropped, "excluded": plan.excluded}
        self.save(facts, cells)
        return cells

    def is_locked(self):
        try:
            with self.locked(patience=0):
                return False
        except Mistake:
            return True

    @contextlib.contextmanager
    def locked(self, patience=2):
        """One driver at a time; the file names the one at work."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "a+", **CODED) as file:
            _acquire(file, patience)
            file.truncate(0)
            file.write(f"{os.getpid()} {os.uname().nodename}\n")
            file.flush()
            yield


def _acquire(file, patience):
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                file.seek(0)
                owner = file.read().strip() or "unknown"
                raise Mistake(f"another driver is at work on these results (process and host: {owner})") from None
            time.sleep(0.2)
