"""Reads one run file, finished or still being written. Nothing is computed here that the file already holds."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # a run that is still writing can be looked at

import h5py
import numpy as np

SCHEMA_VERSION = 1


class BadRunFile(Exception):
    """One sentence that says which file, and what is wrong with it."""


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


@dataclass
class Standing:
    """How far a run came and which cell it is; status `unreadable` where there is no such file or it cannot be read."""

    status: str = "unreadable"
    reason: str = ""
    steps_done: int = 0
    steps: int = 0
    cell_key: str = ""


def standing(path):
    """Of any run file, whatever became of the run: unlike `Run`, it refuses none."""
    try:
        with h5py.File(path, "r") as file:
            status, reason = (_text(file.attrs[name]) for name in ("status", "status_reason"))
            key = _text(file["config"].attrs["cell_key"])
            return Standing(status, reason, int(file["steps_done"][()]), len(file["step"]), key)
    except (OSError, KeyError, RuntimeError) as error:
        return Standing(reason=f"{path} cannot be read: {error}")


class Run:
    """A run file opened for reading. Arrays over steps end at the last step that is complete on disk."""

    def __init__(self, path):
        self.path = Path(path)
        self._file = self._open()
        self.status = self._root_attribute("status")
        self._check_version()
        if self.status == "wrong":
            reason = self._root_attribute("status_reason")
            raise BadRunFile(f"{self.path}: this run failed its own check and no figure is drawn from it: {reason}.")
        self.steps_done = int(self["steps_done"][()])
        if self.steps_done < 1:
            raise BadRunFile(f"{self.path}: no step is complete, so there is nothing to draw.")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def __getitem__(self, name):
        try:
            return self._file[name]
        except KeyError:
            raise BadRunFile(f"{self.path}: the dataset /{name.lstrip('/')} is missing.") from None

    def _open(self):
        if not self.path.is_file():
            raise BadRunFile(f"{self.path}: no such file.")
        try:
            return h5py.File(self.path, "r")
        except OSError as error:
            raise BadRunFile(f"{self.path}: not a readable HDF5 file ({error}).") from None

    def _root_attribute(self, name):
        if name not in self._file.attrs:
            raise BadRunFile(f"{self.path}: not a moescope run file (the attribute {name} is missing).")
        return _text(self._file.attrs[name])

    def _check_version(self):
        version = self._root_attribute("schema_version")
        if version.split(".")[0] != str(SCHEMA_VERSION):
            raise BadRunFile(f"{self.path}: schema version {version}; these figures read version {SCHEMA_VERSION}.")

    def names(self, scale):
        """The labels of a dimension: phase, collective, router, domain, expert, rank."""
        return [_text(label) for label in self[scale][()]]

    def over_steps(self, name):
        """A dataset whose first dimension is the step."""
        return self[name][: self.steps_done]

    def steady_mean(self, name):
        """Mean over the steps that are not warm-up; over all steps while only warm-up ones are done."""
        steady = self.over_steps("raw/warm_up") == 0
        rows = self.over_steps(name)
        return rows[steady].mean(axis=0) if steady.any() else rows.mean(axis=0)

    def evaluations(self):
        """(steps [V], held-out loss [V, D]) of the evaluations that have happened."""
        at_step, loss = self["raw/eval/at_step"][()], self["raw/eval/loss"][()]
        done = np.isfinite(loss).all(axis=1) & (at_step <= self.steps_done)
        return at_step[done], loss[done]

    def phased(self):
        return self._root_attribute("timing") == "phased"

    def provenance(self, name):
        return _text(self["provenance"].attrs.get(name, ""))

    def setting(self, key):
        """A value in force of the configuration, such as train.dtype."""
        config = self["config"]
        text = config.attrs["resolved"] if "resolved" in config.attrs else config["resolved"][()]
        value = json.loads(_text(text))
        for part in key.split("."):
            value = value[part]
        return value

    def oversubscribed(self):
        return self._root_attribute("oversubscribed") != "0"

    def marks(self):
        """What a reader must know before believing a figure of this run; empty for a clean, finished one."""
        marks = []
        if self.status != "complete":
            steps = len(self["step"])
            marks.append(f"{self.status}: {self.steps_done} of {steps} steps")
        if self.provenance("dirty") == "true":
            marks.append("uncommitted changes in the build")
        if self.provenance("build_type").lower() == "debug":
            marks.append("debug build")
        if self.oversubscribed():
            marks.append("more threads than cores")
        return marks
