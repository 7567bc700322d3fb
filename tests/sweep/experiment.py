"""An experiment folder in a temporary place, and the driver as a user calls it."""

import contextlib
import io
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "cluster"))

from sweep.command_line import main

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "cluster/moescope-sweep"
FAKE = Path(__file__).parent / "fake_moescope.py"
BASE = "[batch]\nsequences = 4\nsequence_length = 8\n[train]\nsteps = 4\n[model]\nnum_experts = 4\n"
SITE = 'executor = "local"\nlauncher = "env RANKS={ranks}"\ncores_per_node = 4\n'


@dataclass
class Outcome:
    code: int
    out: str
    err: str


class Experiment:
    """`explain`: as the sweep file says. Without it nothing is launched beside the launches that a test counts."""

    def __init__(self, folder, sweep, base=BASE, site=SITE, program=FAKE, explain=False):
        self.folder, self.program, self.explain = Path(folder), program, explain
        self.experiment, self.results = self.folder / "study", self.folder / "results"
        self.experiment.mkdir()
        (self.experiment / "base.toml").write_text(base)
        self.write(sweep)
        self.site = self.folder / "here.toml"
        self.site.write_text(site)

    def write(self, sweep):
        if not self.explain and "explain" not in sweep:
            launch = "[launch]\nexplain = false\n"
            sweep = sweep.replace("[launch]\n", launch) if "[launch]" in sweep else f"{sweep}\n{launch}"
        (self.experiment / "sweep.toml").write_text(sweep)

    def words(self, command, *arguments):
        own = ["--site", self.site, "--program", self.program] if command in ("plan", "submit") else []
        words = [sys.executable, DRIVER, command, self.experiment, "--results", self.results, *own, *arguments]
        return [str(word) for word in words]

    def call(self, command, *arguments):
        """The driver's main function, in this process."""
        out, err, words = io.StringIO(), io.StringIO(), self.words(command, *arguments)[2:]
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
        return Outcome(code, out.getvalue(), err.getvalue())

    def start(self, command, *arguments):
        """The driver as a process of its own, to be killed."""
        words = self.words(command, *arguments)
        return subprocess.Popen(words, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def attempts(self):
        return sorted(path.relative_to(self.results / "cells") for path in self.results.glob("cells/*/attempt_*"))


def wait_for(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
