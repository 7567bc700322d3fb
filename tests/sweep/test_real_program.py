"""The real program through the driver: keys of the plan are keys of the runs, and layouts agree; on this machine and in SLURM."""

import csv
import json
import re
import subprocess
import time
import tomllib

import pytest

from experiment import wait_for
from sweep import plan, sweep_file
from sweep.executors import slurm_scripts
from sweep.manifest import Results
from sweep.site import Site
from text_sweep import BASE, LOCAL, LONG, PROGRAM, ROOT, numbers, pack_text

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
    def made(site, text=SWEEP):
        one = experiment(text, base=BASE, site=site, program=PROGRAM)
        pack_text(one.folder)
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


def studies():
    """(folder, its size or none) of every experiment with a sweep; what replays a recorded run needs that first."""
    for path in sorted((ROOT / "experiments").glob("*/sweep.toml")):
        text = path.read_text()
        if "replay_" not in text:
            yield from ((path.parent.name, size) for size in tomllib.loads(text).get("size", [""]))


@pytest.mark.parametrize(("name", "size"), studies())
def test_every_study_of_this_repository_is_accepted_whole_and_can_carry_its_contrasts(name, size):
    words = [ROOT / "cluster/moescope-sweep", "plan", ROOT / "experiments" / name, "--program", PROGRAM]
    done = subprocess.run(words + ["--size", size] * bool(size), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done
    assert "dropped by the program" not in done.stdout and "notice: " not in done.stdout


TABLES = """[sweep.matrix]
"data.weights" = [{prose = 1.0}, {prose = -1.0}]
"""


def test_a_table_is_swept_as_the_program_reads_it(sweep):
    outcome = sweep(LOCAL, TABLES).call("plan")
    assert outcome.code == 0 and "1 cells, 1 computations; 1 dropped" in outcome.out, outcome
    assert re.search(r"dropped by the program: 1 x .*data\.weights = .* must be at least 0", outcome.out), outcome


# 0: not given
LAYOUTS = """[[sweep.zip]]
"layout.tp" = [1, 2, 2, 4, 1, 2, 2, 4, 1]
"layout.ep" = [1, 1, 2, 4, 4, 1, 4, 3, 2]
"layout.etp" = [1, 1, 1, 1, 1, 2, 0, 1, 0]
"layout.dp" = [1, 1, 1, 2, 4, 3, 0, 0, 0]
"layout.edp" = [0, 0, 0, 0, 0, 0, 0, 0, 2]
expected = [1, 2, 2, 8, 4, 6, 8, 12, 4]
"""


def planned(one):
    return plan.make(sweep_file.read(one.experiment), Site("here", cores_per_node=4), str(PROGRAM))


def test_the_program_takes_every_number_of_ranks_that_follows_from_a_layout(sweep):
    found = planned(sweep(LOCAL, LAYOUTS))
    assert len(found.cells) == 9 and not found.dropped
    for cell in found.cells:
        assert cell.ranks == cell.settings["layout.ranks"] == cell.labels["expected"], cell


def test_the_layout_of_the_base_file_counts_for_the_number_of_ranks(experiment):
    text = '[sweep.matrix]\nlayout.ep = [1, 2]\n[[sweep.exclude]]\nwhere = "layout.ranks == 4"'
    found = planned(experiment(text, base=BASE + "[layout]\nep = 2\nedp = 2\n"))
    assert [cell.ranks for cell in found.cells] == [2]
    assert [entry["values"]["layout.ep"] for entry in found.excluded] == [2] and not found.dropped


# The base file has 4 experts; no run has negative weights.
OWN = """[sweep.matrix]
"data.weights" = [{prose = -1.0}, {prose = 1.0}]
"layout.ep" = [2, 8]
"model.num_experts" = [4, 8]
[[sweep.exclude]]
where = "layout.ranks == 2"
"""


def test_a_layout_that_suits_only_some_points_has_ranks_there_and_the_others_are_dropped(experiment):
    found = planned(experiment(OWN, base=BASE))
    assert [(cell.settings.get("layout.ranks"), cell.settings["model.num_experts"]) for cell in found.cells] == [(8, 8)]
    assert len(found.excluded) == 4
    reasons = sorted(entry["reason"] for entry in found.dropped)
    assert reasons[2] == "4 experts cannot be split over ep = 8 ranks"
    assert len(reasons) == 3 and all("must be at least 0" in reason for reason in reasons[:2])


def in_slurm(launcher, more=""):
    return f"executor = 'slurm'\nlauncher = '{launcher}'\ncores_per_node = 4\n{more}" + LOCAL[LOCAL.index("setup") :]


def wait_until(one, words, seconds=120):
    end = time.monotonic() + seconds
    while words not in (told := one.call("status").out):
        assert time.monotonic() < end and "failed" not in told, told
        time.sleep(0.2)
    return told


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_in_slurm(launcher, sweep, slurm):
    one = sweep(in_slurm(launcher))
    assert one.call("submit").code == 0
    wait_until(one, "3 cells: 3 complete")
    check(one)
    assert json.loads((one.results / "manifest.json").read_text())["site"]["launcher"] == launcher


LIMITED = """[launch]
minutes = 2
[set]
layout.ranks = 2
layout.ep = 2
train.dtype = "float64"
train.timing = "free"
train.steps = {steps}
eval.every = 1000000
"""


def signal_batch_script(one):
    """The warning that SLURM sends before a time limit, at a step that is known."""
    wait_for(lambda: re.search(r"\(step [1-9]\d* of", one.call("status").out))
    name = slurm_scripts.job_name(Results(one.results), 1)
    subprocess.run(["scancel", "--batch", "--signal=USR1", f"--name={name}"], check=True)


@pytest.mark.parametrize(
    "launcher, steps", [("srun", 600), ("mpirun", 600), pytest.param("srun", 9000, marks=LONG, id="time limit")]
)
def test_before_a_time_limit_a_job_leaves_a_checkpoint_and_goes_on_where_it_was_with_the_same_numbers(
    launcher, steps, sweep, slurm
):
    one = sweep(in_slurm(launcher, "notice_seconds = 85\n"), LIMITED.format(steps=steps))
    assert one.call("submit").code == 0
    if steps == 600:
        signal_batch_script(one)
    stopped_at = int(re.search(r"stopped at step (\d+) of", wait_until(one, "resumes by itself"))[1])
    wait_until(one, "1 complete", 600)
    (began,) = one.results.glob("cells/*/attempt_2/began")
    assert 0 < stopped_at < steps and f"from={stopped_at:08}\n" in began.read_text()
    assert one.call("collect").code == 0
    resumed, one.results = numbers(one), one.folder / "undisturbed"
    one.site.write_text(LOCAL)
    one.write(LIMITED.format(steps=steps).replace("minutes = 2", "minutes = 20"))
    assert one.call("submit").code == 0 and one.call("collect").code == 0
    assert without_keys(resumed) == without_keys(numbers(one))


def without_keys(rows):
    """The site is part of a cell's key."""
    return [{key: value for key, value in row.items() if key not in ("cell", "cell_key")} for row in rows]
