"""Reads one run file, finished or still being written. Nothing is computed here that the file already holds."""

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # a run that is still writing can be looked at

import h5py
import numpy as np

SCHEMA_VERSION = 1
NATURAL = "natural"


class BadRunFile(Exception):
    """One sentence that says which file, and what is wrong with it."""


class NotDrawn(Exception):
    """One sentence that says why there is no such figure of these runs."""


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


def is_run_file(path):
    """False of HDF5 files that another program wrote; what cannot be read may be a damaged run file."""
    try:
        with h5py.File(path, "r") as file:
            return "schema_version" in file.attrs
    except OSError:
        return True


class Run:
    """A run file of one launch. Arrays over steps end at the last step that was complete on disk when it was first read.

    The file is open only while it is read, so that a study may have thousands of them, and inside `with`, where `run[name]` is
    a dataset or group of h5py."""

    def __init__(self, path):
        self.path = Path(path)
        self._file = None
        with self._opened() as file:
            self._root = {name: _text(value) for name, value in file.attrs.items()}
            self.status = self._root_attribute("status")
            self._check_version()
            self._provenance = {name: _text(value) for name, value in self._group(file, "provenance").items()}
            self.config = self._configuration(file)
        if self.status == "wrong":
            reason = self._root_attribute("status_reason")
            raise BadRunFile(f"{self.path}: this run failed its own check and no figure is drawn from it: {reason}.")
        self.steps_done = int(self.array("steps_done"))
        if self.steps_done < 1:
            raise BadRunFile(f"{self.path}: no step is complete, so there is nothing to draw.")

    def __enter__(self):
        self._file = self._open()
        return self

    def __exit__(self, *_):
        self._file.close()
        self._file = None

    def __getitem__(self, name):
        return self._named(self._file, name)

    def array(self, name, rows=()):
        """The values of a dataset."""
        with self._opened() as file:
            return self._named(file, name)[rows]

    def has(self, name):
        """Whether the program that wrote the file knew this dataset."""
        with self._opened() as file:
            return name in file

    def _named(self, file, name):
        if name not in file:
            raise BadRunFile(f"{self.path}: the dataset /{name.lstrip('/')} is missing.")
        return file[name]

    def _open(self):
        if not self.path.is_file():
            raise BadRunFile(f"{self.path}: no such file.")
        try:
            return h5py.File(self.path, "r")
        except OSError as error:
            if self.path.suffix == ".partial" and not h5py.is_hdf5(self.path):
                raise BadRunFile(
                    f"{self.path}: holds nothing yet; its run was ended, or still is, before the first step."
                ) from None
            raise BadRunFile(f"{self.path}: not a readable HDF5 file ({error}).") from None

    @contextmanager
    def _opened(self):
        if self._file:
            yield self._file
        else:
            with self._open() as file:
                yield file

    def _group(self, file, name):
        if name not in file:
            raise BadRunFile(f"{self.path}: not a moescope run file (the group /{name} is missing).")
        return file[name].attrs

    def _root_attribute(self, name):
        if name not in self._root:
            raise BadRunFile(f"{self.path}: not a moescope run file (the attribute {name} is missing).")
        return self._root[name]

    def _check_version(self):
        version = self._root_attribute("schema_version")
        if version.split(".")[0] != str(SCHEMA_VERSION):
            raise BadRunFile(f"{self.path}: schema version {version}; these figures read version {SCHEMA_VERSION}.")

    def _configuration(self, file):
        """Every value in force, by its dotted key."""
        resolved = self._group(file, "config").get("resolved")
        if resolved is None and "config/resolved" in file:
            resolved = file["config/resolved"][()]
        if resolved is None:
            raise BadRunFile(f"{self.path}: the attribute resolved of /config is missing.")
        return dict(_flat(json.loads(_text(resolved))))

    def names(self, scale):
        """The labels of a dimension: phase, collective, router, domain, expert, rank."""
        return [_text(label) for label in self.array(scale)]

    def over_steps(self, name):
        """A dataset whose first dimension is the step."""
        return self.array(name, slice(self.steps_done))

    def steady(self, name, times=False):
        """The steps that count: all but warm-up, and of `times` also without those right after a resume. All steps while there
        are no others; rows left empty by an attempt on another layout are out of it."""
        rows, warm_up = self.over_steps(name), self.over_steps("raw/warm_up")
        counted = ((warm_up == 0) if times else (warm_up != 1)) & _told(rows)
        return rows[counted] if counted.any() else rows

    def steady_mean(self, name, times=False):
        with np.errstate(invalid="ignore"):  # a mean over +inf and -inf is NaN
            return self.steady(name, times).mean(axis=0)

    def summary(self, name):
        """(value, interval_low, interval_high) of a headline number over the free window; NaN where it may not be told."""
        value, _, low, high, _ = self.array(f"derived/summary/{name}")
        return value, low, high

    def evaluations(self):
        """(steps [V], held-out loss [V, D]) of the evaluations that have happened; a loss that diverged is no finite number."""
        at_step, loss = self.array("raw/eval/at_step"), self.array("raw/eval/loss")
        done = (at_step >= 0) & (at_step <= self.steps_done)  # the loss is written first
        return at_step[done], loss[done]

    def last_evaluation(self, name):
        """(steps done, row of a dataset over evaluations) of the last evaluation that is complete."""
        at_step = self.array("raw/eval/at_step")
        done = np.flatnonzero((at_step >= 0) & (at_step <= self.steps_done))
        if not len(done):
            raise NotDrawn("no evaluation on held-out text is complete.")
        return int(at_step[done[-1]]), self.array(name, int(done[-1]))

    def created(self):
        return self._root_attribute("created")

    def phased(self):
        return self._root_attribute("timing") == "phased"

    def facts(self):
        """Names of all that /provenance says in words."""
        return list(self._provenance)

    def provenance(self, name):
        return self._provenance.get(name, "")

    def oversubscribed(self):
        return self._root_attribute("oversubscribed") != "0"

    def routing(self):
        """`natural`, or `forced:WORKLOAD` where something else than the gate chose."""
        return self._root.get("routing", NATURAL)

    def forced(self):
        return self.routing() != NATURAL

    def refuse_losses(self):
        """For figures of losses: those of a forced run tell nothing of a model."""
        if self.forced():
            raise NotDrawn(f"{self.path}: its routing is {self.routing()}, so no loss is drawn from it.")

    def refuse_times(self):
        """For figures of times, throughput and utilisation."""
        if self.oversubscribed():
            raise NotDrawn(f"{self.path}: more threads than cores, so no time is drawn from it.")

    def marks(self):
        """What a reader must know before believing a figure of this run; empty for a clean, finished one."""
        marks = []
        if self.status != "complete":
            steps = len(self.array("step"))
            marks.append(f"{self.status}: {self.steps_done} of {steps} steps")
        marks += self._diverged
        if self.forced():
            marks.append(f"routing {self.routing()}")
        if self.provenance("dirty") == "true":
            marks.append("uncommitted changes in the build")
        if self.provenance("build_type").lower() == "debug":
            marks.append("debug build")
        if self.oversubscribed():
            marks.append("more threads than cores")
        return marks

    @cached_property
    def _diverged(self):
        """In words, where a loss is not finite."""
        at_step, held_out = self.evaluations()
        losses = {
            "loss": (range(self.steps_done), self.over_steps("raw/loss/total")),
            "held-out loss": (at_step, held_out.sum(axis=1)),
        }
        return [
            f"{name} not finite: {_where(steps, ~np.isfinite(loss))}"
            for name, (steps, loss) in losses.items()
            if not np.isfinite(loss).all()
        ]


def _where(steps, lost):
    first = int(np.argmax(lost))
    return (
        f"from step {steps[first]} on" if lost[first:].all() else f"{np.count_nonzero(lost)} times, first in step {steps[first]}"
    )


def _told(rows):
    """Of each row whether any number stands in it: NaN and -1 are what was never written."""
    missing = np.isnan(rows) if rows.dtype.kind == "f" else rows == -1 if rows.dtype.kind == "i" else np.zeros(rows.shape, bool)
    return ~missing.reshape(len(rows), -1).all(axis=1)


def _flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
