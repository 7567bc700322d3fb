"""The real program on a little text, for sweeps that are killed, stopped and resumed."""

import csv
import os
import subprocess
from pathlib import Path

import pytest

from experiment import ROOT

PROGRAM = Path(os.environ.get("MOESCOPE", ROOT / "build/src/apps/moescope")).absolute()
BASE = (ROOT / "experiments/smoke/base.toml").read_text().replace("results/smoke/data", "data")
YIELDING = 'setup = ["export OMPI_MCA_mpi_yield_when_idle=1", '  # more ranks than free cores: waiting must not spin
LOCAL = (ROOT / "cluster/sites/local.toml").read_text().replace("setup = [", YIELDING)

LONG = pytest.mark.skipif("MOESCOPE_LONG_TESTS" not in os.environ, reason="long; MOESCOPE_LONG_TESTS=1 runs it")


def pack_text(folder):
    (folder / "text").mkdir()
    for i in range(12):
        (folder / f"text/{i}.txt").write_text(f"the cat {i} sat on the mat. " * 60)
    words = [PROGRAM, "data", "pack", "--out", "data", "--held-out", "0.25", "--domain", "prose=text"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)


def numbers(one):
    """The rows of table.csv that an interruption may not change, without the number of the attempt."""
    with open(one.results / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if key != "attempt"} for row in rows if row["decided_by"] == "seed"]
