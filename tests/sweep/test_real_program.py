"""The real program through the driver: keys of the plan are keys of the runs, and layouts agree; on this machine and in SLURM."""

import csv
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from experiment import ROOT

PROGRAM = Path(os.environ.get("MOESCOPE", ROOT / "build/src/apps/moescope")).absolute()
BASE = (ROOT / "experiments/smoke/base.toml").read_text().replace("results/smoke/data", "data")
LOCAL = (ROOT / "cluster/sites/local.toml").read_text()
SWEEP = """[sweep.zip]
"layout.ranks" = [1, 2, 2, 3]
"layout.ep" = [1, 2, 1, 2]
[set]
train.dtype = "float64"
train.timing = "free"
"""

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")


@pytest.fixture
def sweep(experiment):
    def made(site):
        one = experiment(SWEEP, base=BASE, site=site, program=PROGRAM)
        (one.folder / "text").mkdir()
        for i in range(12):
            (one.folder / f"text/{i}.txt").write_text(f"the cat {i} sat on the mat. " * 60)
        words = [PROGRAM, "data", "pack", "--out", "data", "--held-out", "0.25", "--domain", "prose=text"]
        subprocess.run(words, cwd=one.folder, check=True, capture_output=True)
        return one

    return made


def check(one):
    outcome = one.call("collect")
    assert outcome.code == 0 and " rows of 3 cells" in outcome.out, outcome
    with open(one.results / "missing.csv", newline="") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == ["layout.ep = 2 does not divide layout.ranks = 3"]
    with open(one.results / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["computation_key"] for row in rows}) == 1 and len({row["cell_key"] for row in rows}) == 3
    payload = {(row["layout.ranks"], row["layout.ep"]): row["value"] for row in rows if row["metric"] == "payload_bytes"}
    assert float(payload["1", "1"]) == 0 and float(payload["2", "2"]) > 0


def test_on_this_machine(sweep):
    one = sweep(LOCAL)
    outcome = one.call("submit")
    assert outcome.code == 0 and outcome.out.count("complete after") == 3, outcome
    check(one)


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_in_slurm(launcher, sweep, slurm):
    site = f"executor = 'slurm'\nlauncher = '{launcher}'\ncores_per_node = 4\n"
    one = sweep(site + LOCAL[LOCAL.index("setup") :])
    assert one.call("submit").code == 0
    end = time.monotonic() + 120
    while "3 cells: 3 complete" not in (told := one.call("status").out):
        assert time.monotonic() < end and "failed" not in told, told
        time.sleep(0.5)
    check(one)
    assert json.loads((one.results / "manifest.json").read_text())["site"]["launcher"] == launcher
