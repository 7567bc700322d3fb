"""An experiment folder in a temporary place, and the driver as a user calls it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "cluster"))
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
    def __init__(self, folder, sweep, base=BASE, site=SITE, program=FAKE):
        self.folder, self.program = Path(folder), program
        self.experiment, self.results = self.folder / "study", self.folder / "results"
        self.experiment.mkdir()
        (self.experiment / "base.toml").write_text(base)
        self.write(sweep)
        self.site = self.folder / "here.toml"
        self.site.write_text(site)

    def write(self, sweep):
        (self.experiment / "sweep.toml").write_text(sweep)

    def words(self, command, *arguments):
        own = ["--site", self.site, "--program", self.program] if command in ("plan", "submit") else []
        words = [sys.executable, DRIVER, command, self.experiment, "--results", self.results, *own, *arguments]
        return [str(word) for word in words]

    def call(self, command, *arguments, timeout=60, **environment):
        done = subprocess.run(
            self.words(command, *arguments),
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def attempts(self):
        return sorted(path.relative_to(self.results / "cells") for path in self.results.glob("cells/*/attempt_*"))
