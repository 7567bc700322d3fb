"""`[launch] explain`: of each configuration one phased launch beside the free ones, which carry the claims alone."""

import csv
import json
import sys

import pytest

from experiment import BASE, FAKE, ROOT, Experiment
from sweep import Mistake, plan, sweep_file
from sweep.manifest import Results
from sweep.site import Site
from text_sweep import BASE as REAL_BASE
from text_sweep import LOCAL, PROGRAM, pack_text

sys.path.insert(0, str(ROOT / "analysis"))

import launches

HERE = Site("here", cores_per_node=4)
SEEDED = BASE.replace("[train]\n", "[train]\nseed = 5\n")
GRID = "[sweep.matrix]\nlayout.ep = [1, 2]\n"


def made(tmp_path, text, base=BASE):
    one = Experiment(tmp_path, text, base=base, explain=True)
    return plan.make(sweep_file.read(one.experiment), HERE, str(FAKE))


def explaining(found):
    return [cell for cell in found.cells if cell.explains]


def test_each_point_has_one_phased_launch_after_all_free_ones(tmp_path):
    found = made(tmp_path, "repeats = 3\n" + GRID)
    assert [cell.explains for cell in found.cells] == [False] * 6 + [True] * 2
    assert [(cell.settings["layout.ep"], cell.settings["train.timing"], cell.repeat) for cell in explaining(found)] == [
        (1, "phased", 0), (2, "phased", 0)
    ]  # fmt: skip
    assert all("train.timing" not in cell.settings for cell in found.cells[:6])


def test_it_has_the_first_seed_wherever_seeds_come_from(tmp_path):
    for number, text in enumerate(("seeds = 3\nrepeats = 2\n" + GRID, GRID + "train.seed = [5, 6, 7]")):
        (folder := tmp_path / str(number)).mkdir()
        found = explaining(made(folder, text, SEEDED))
        assert [(cell.settings["layout.ep"], cell.settings["train.seed"]) for cell in found] == [(1, 5), (2, 5)]


def test_it_is_the_same_computation_and_another_cell_told_by_its_name_alone(tmp_path):
    found = made(tmp_path, GRID)
    (free,) = [cell for cell in found.cells if cell.settings["layout.ep"] == 2 and not cell.explains]
    (phased,) = [cell for cell in explaining(found) if cell.settings["layout.ep"] == 2]
    assert free.computation_key == phased.computation_key and free.cell_key != phased.cell_key
    assert phased.name == f"ep2-ranks2-phased-repeat0-{phased.cell_key[:8]}" and "phased" not in free.name
    assert phased.varied == free.varied and "train.timing" not in phased.varied
    assert (phased.shape, phased.expected_seconds) == (free.shape, free.expected_seconds)


@pytest.mark.parametrize(
    "text, base",
    [
        (GRID, BASE.replace("[train]\n", '[train]\ntiming = "phased"\n')),
        (GRID + '[set]\ntrain.timing = "phased"', BASE),
        (GRID + 'train.timing = ["free", "phased"]', BASE),
        ("[launch]\nexplain = false\n" + GRID, BASE),
    ],
)
def test_what_is_phased_already_or_not_to_be_explained_has_none(text, base, tmp_path):
    assert not explaining(made(tmp_path, text, base))


def test_a_point_that_is_phased_already_takes_none_from_the_others(tmp_path):
    text = '[sweep.zip]\nlayout.ep = [1, 2]\ntrain.timing = ["phased", "free"]'
    assert [cell.settings["layout.ep"] for cell in explaining(made(tmp_path, text))] == [2]


def test_equal_settings_under_two_labels_are_explained_once_with_the_first_label(tmp_path):
    found = made(tmp_path, 'repeats = 2\n[sweep.matrix]\narm = ["b", "a"]\nlayout.ep = [1, 2]')
    assert len(found.cells) == 8 + 2 and [cell.labels for cell in explaining(found)] == [{"arm": "b"}] * 2


def test_threads_make_another_configuration(tmp_path):
    assert [cell.threads for cell in explaining(made(tmp_path, "[sweep.matrix]\nlaunch.threads = [1, 2]"))] == [1, 2]


def test_what_the_program_does_not_launch_phased_is_dropped_with_its_reason(tmp_path):
    found = made(tmp_path, "[sweep.matrix]\nlayout.pp = [1, 2]")
    assert len(found.cells) == 3 and [cell.settings["layout.pp"] for cell in explaining(found)] == [1]
    (dropped,) = found.dropped
    assert dropped["reason"] == "train.timing = phased cannot be with layout.pp above 1"
    assert dropped["values"] == {"layout.pp": 2, "layout.ranks": 1, "train.timing": "phased", "repeat": 0}


def test_a_point_that_cannot_be_launched_is_dropped_once(tmp_path):
    found = made(tmp_path, "[sweep.matrix]\nlayout.ep = [1, 3]\nlayout.ranks = [4]")
    assert len(found.dropped) == 1 and [cell.settings["layout.ep"] for cell in explaining(found)] == [1]


@pytest.mark.parametrize("value", ["1", '"yes"'])
def test_the_switch_is_true_or_false(value, tmp_path):
    with pytest.raises(Mistake, match=r"launch\.explain = .* must be of type bool"):
        made(tmp_path, f"[launch]\nexplain = {value}\n")


def test_it_is_one_for_the_whole_sweep(tmp_path):
    with pytest.raises(Mistake, match=r"unknown key launch\.explain; there are threads, minutes"):
        made(tmp_path, "[sweep.matrix]\nlaunch.explain = [true, false]\n")


CONTRAST = '[[contrast]]\nname = "x"\nmeasure = "step_seconds"\nfirst = {layout.ep = 1}\nsecond = {layout.ep = 2}\n'


def test_a_plan_says_how_many_explain_and_counts_them_for_no_claim(tmp_path):
    told = Experiment(tmp_path, "repeats = 5\n" + GRID + CONTRAST, explain=True).call("plan").out
    rows = [line.split()[:3] for line in told.splitlines()]
    assert rows[1:3] == [["ep=1", "ranks=1", "5"], ["ep=2", "ranks=2", "5"]]
    assert (
        "\n12 cells, 1 computations" in told
        and "\n2 of the cells are phased launches that explain" in told
        and "cells are phased:" not in told
    ), told
    assert "no difference can be claimed from 5 launches of a side" in told


def test_the_manifest_holds_it_and_one_without_it_is_read(tmp_path, sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]', explain=True)
    one.call("submit", "--dry-run")
    facts = json.loads((one.results / "manifest.json").read_text())
    assert [entry["explains"] for entry in facts["cells"]] == [False, True]
    for entry in facts["cells"]:
        del entry["explains"]
    (one.results / "manifest.json").write_text(json.dumps(facts))
    assert [cell.explains for cell in Results(one.results).load()[1]] == [False, False]
    one.call("submit", "--dry-run")
    assert [cell.explains for cell in Results(one.results).load()[1]] == [False, True]


def table(one):
    with open(one.results / "table.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_it_is_run_counted_and_collected_and_the_table_tells_it(sweep):
    one = sweep('repeats = 2\n[sweep.matrix]\ndata.path = ["ok", "fail_once"]', explain=True)
    assert one.call("submit").code == 0 and "6 cells: 3 complete, 3 failed" in one.call("status").out
    assert "3 to be run now" in one.call("resume").out and "6 cells: 6 complete" in one.call("status").out
    assert one.call("collect").code == 0
    rows = table(one)
    seconds = sorted((row["data.path"], row["timing"], row["value"]) for row in rows if row["metric"] == "step_seconds")
    assert seconds == [(path, *told) for path in ("fail_once", "ok") for told in (("free", "0.1"),) * 2 + (("phased", ""),)]
    phases = {(row["timing"], row["metric"]) for row in rows if row["metric"].startswith("phase_seconds")}
    assert phases == {("phased", "phase_seconds/gate"), ("phased", "phase_seconds/experts")}
    found = launches.find([one.results])
    assert len(found.paths) == 6 and "train.timing" not in found.keys


def test_free_and_phased_launches_that_differ_are_told(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\n[set]\nfake.phased = 1e-13', explain=True)
    one.call("submit")
    outcome = one.call("collect")
    assert outcome.code == 1 and "-phased-repeat0" in outcome.err and "are repeats and differ" in outcome.err, outcome


REAL = """repeats = 2
[set]
train.timing = "free"
layout.ranks = 2
[sweep.matrix]
layout.ep = [1, 2]
"""


@pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")
def test_the_real_program_computes_the_same_to_the_last_bit_in_both(experiment):
    one = experiment(REAL, base=REAL_BASE, site=LOCAL, program=PROGRAM, explain=True)
    pack_text(one.folder)
    assert one.call("submit").code == 0
    outcome = one.call("collect")
    assert outcome.code == 0 and " rows of 6 cells" in outcome.out, outcome
    rows = table(one)
    assert len({row["computation_key"] for row in rows}) == 1 and len({row["cell_key"] for row in rows}) == 6
    assert {row["timing"] for row in rows if row["metric"].startswith("phase_seconds/")} == {"phased"}
    assert all((row["value"] == "") == (row["timing"] == "phased") for row in rows if row["metric"] == "tokens_per_second")
