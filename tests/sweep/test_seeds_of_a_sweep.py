"""`seeds`: each point with several values of train.seed, the same in every arm; what a seed decides is compared over them."""

import csv
import json
import sys

import pytest

from experiment import BASE, FAKE, ROOT, Experiment
from sweep import Mistake, plan, sweep_file
from sweep.points import expand
from sweep.site import Site
from text_sweep import BASE as REAL_BASE
from text_sweep import LOCAL, PROGRAM, pack_text

sys.path.insert(0, str(ROOT / "analysis"))

import figures
import launches
from study import Study

SEEDED = BASE.replace("[train]\n", "[train]\nseed = 5\n")
GRID = '[sweep.matrix]\n"layout.ep" = [1, 2]\n'


def read(tmp_path, text, base=SEEDED):
    return sweep_file.read(Experiment(tmp_path, text, base=base).experiment)


def launched(tmp_path, text):
    points = expand(read(tmp_path, text), str(FAKE)).launches
    return [(point.values["layout.ep"], point.values["train.seed"], point.repeat) for point in points]


def made(tmp_path, text):
    return plan.make(read(tmp_path, text), Site("here", cores_per_node=4), str(FAKE))


def test_each_point_is_launched_with_the_seeds_that_follow_that_of_the_base_file(tmp_path):
    assert sorted(launched(tmp_path, "seeds = 3\n" + GRID)) == [(ep, seed, 0) for ep in (1, 2) for seed in (5, 6, 7)]


def test_seeds_and_repeats_are_crossed_and_arms_alternate(tmp_path):
    told = launched(tmp_path, "seeds = 3\nrepeats = 2\n" + GRID)
    assert len(set(told)) == 12
    blocks = [told[start : start + 2] for start in range(0, 12, 2)]
    assert [{(seed, repeat) for _, seed, repeat in block} for block in blocks] == [
        {(seed, repeat)} for repeat in (0, 1) for seed in (5, 6, 7)
    ]
    assert all(sorted(ep for ep, *_ in block) == [1, 2] for block in blocks)
    assert len({tuple(ep for ep, *_ in block) for block in blocks}) == 2  # shuffled


def test_the_seed_is_in_the_settings_and_the_name_of_a_cell(tmp_path):
    cells = made(tmp_path, "seeds = 2\n" + GRID).cells
    assert sorted((cell.settings["train.seed"], cell.varied["train.seed"]) for cell in cells) == [(5, 5), (5, 5), (6, 6), (6, 6)]
    told = [f"ep{ep}-seed{seed}-ranks{ep}-repeat0" for ep in (1, 2) for seed in (5, 6)]
    assert sorted(cell.name[:-9] for cell in cells) == told
    assert len({cell.cell_key for cell in cells}) == 4 and len({cell.computation_key for cell in cells}) == 2


def test_one_seed_is_that_of_the_base_file(tmp_path):
    (cell,) = made(tmp_path, "seeds = 1").cells
    assert cell.settings["train.seed"] == 5 and "train.seed" not in cell.varied


def test_without_seeds_a_cell_has_that_of_its_configuration(tmp_path):
    cells = made(tmp_path, "repeats = 2\n" + GRID).cells
    assert all("train.seed" not in cell.settings for cell in cells) and {cell.repeat for cell in cells} == {0, 1}


def test_both_arms_of_equal_settings_have_the_same_seeds(tmp_path):
    cells = made(tmp_path, 'seeds = 2\n[sweep.matrix]\narm = ["a", "a_again"]').cells
    assert sorted((cell.labels["arm"], cell.settings["train.seed"]) for cell in cells) == [
        (arm, seed) for arm in ("a", "a_again") for seed in (5, 6)
    ]
    assert len({cell.cell_key for cell in cells}) == 4


def test_expressions_and_exclusions_know_the_seed(tmp_path):
    text = 'seeds = 3\n[sweep.derive]\n"layout.ep" = "train.seed - 4"\n[[sweep.exclude]]\n"train.seed" = 6\n'
    assert sorted(launched(tmp_path, text)) == [(1, 5, 0), (3, 7, 0)]


BESIDE = "beside seeds = 2, which gives it to each point; leave one of them out"


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("seeds = 0", "seeds = 0 must be a whole number of at least 1"),
        ("seeds = -1", "seeds = -1 must be a whole number of at least 1"),
        ('seeds = "6"', "seeds = '6' must be of type int"),
        ("seeds = 6.0", "seeds = 6.0 must be of type int"),
        ("seeds = true", "seeds = True must be of type int"),
        ("seed = 6", "unknown key seed; there are"),
        ("seed = 6", "did you mean seeds?"),
        ("seeds = 2\n[set]\ntrain.seed = 3", f"train.seed is given in [set] {BESIDE}"),
        ("seeds = 2\n[sweep.matrix]\ntrain.seed = [3]", f"train.seed is given in [sweep.matrix] {BESIDE}"),
        ("seeds = 2\n[[sweep.zip]]\ntrain.seed = [3]", f"train.seed is given in [sweep.zip] {BESIDE}"),
        ("seeds = 2\n[[sweep.include]]\ntrain.seed = 3", f"train.seed is given in [sweep.include] {BESIDE}"),
        ("seeds = 2\n[sweep.derive]\ntrain.seed = 3", f"train.seed is given in [sweep.derive] {BESIDE}"),
        (f"seeds = 1000\n[sweep.matrix]\na = {[*range(101)]}", "101000 launches; a sweep has at most 100000"),
        ("[sweep]\nseeds = 2", "unknown key sweep.seeds"),
        ("[set]\nseeds = 2", "seeds stands in a table, where it is no more than a label; write it above the first one"),
        ("[sweep.matrix]\nrepeats = [2]", "repeats stands in a table, where it is no more than a label"),
    ],
)
def test_a_mistake_with_seeds_is_told_in_a_sentence(text, sentence, tmp_path):
    with pytest.raises(Mistake) as mistake:
        made(tmp_path, text)
    assert sentence in str(mistake.value) and "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    "base, sentence",
    [
        (BASE, "seeds = 2 counts up from train.seed of base.toml, which does not give it; write it there: train.seed = 1"),
        (SEEDED.replace("= 5", "= '5'"), "base.toml: train.seed = '5' must be a whole number of at least 0"),
        (SEEDED.replace("= 5", "= -5"), "base.toml: train.seed = -5 must be a whole number of at least 0"),
    ],
)
def test_the_base_file_has_to_give_the_first_seed(base, sentence, tmp_path):
    with pytest.raises(Mistake) as mistake:
        read(tmp_path, "seeds = 2", base)
    assert sentence in str(mistake.value)


EVALUATED = SEEDED + "[eval]\nevery = 2\n"
CONTRAST = '[[contrast]]\nname = "{0}"\nmeasure = "{0}"\nfirst = {{layout.ep = 1}}\nsecond = {{layout.ep = 2}}\n'


def planned(tmp_path, text):
    outcome = Experiment(tmp_path, text, base=EVALUATED).call("plan")
    assert outcome.code == 0, outcome
    return outcome.out


@pytest.mark.parametrize("measure", ["held_out_loss", "imbalance_expert", "dropped_fraction", "payload_bytes"])
def test_a_plan_tells_that_repeats_carry_no_contrast_on_what_the_seed_decides(measure, tmp_path):
    told = planned(tmp_path, "repeats = 6\n" + GRID + CONTRAST.format(measure))
    assert (
        f'contrast "{measure}": the seed decides {measure}, and no difference can be claimed from 1 seed of a side, '
        "however often each is launched; one contrast needs 6: write seeds = 6\n"
    ) in told


@pytest.mark.parametrize(
    "head, measures, notices, lines",
    [
        ("repeats = 6", ["step_seconds"], 0, []),
        ("seeds = 6", ["step_seconds"], 0, []),
        ("seeds = 6", ["held_out_loss"], 0, []),
        ("seeds = 5\nrepeats = 2", ["held_out_loss"], 1, ["from 5 seeds of a side", "write seeds = 6"]),
        ("seeds = 5\nrepeats = 2", ["step_seconds"], 0, []),
        ("seeds = 3\nrepeats = 2", ["step_seconds", "payload_bytes"], 2, ["from 6 launches", "from 3 seeds", "write seeds = 7"]),
        ("repeats = 6", ["step_seconds", "perplexity"], 2, ["from 6 launches", "2 contrasts need 7: write seeds = 7"]),
    ],
)
def test_seeds_and_launches_are_counted_for_what_each_of_them_carries(head, measures, notices, lines, tmp_path):
    told = planned(tmp_path, head + "\n" + GRID + "".join(map(CONTRAST.format, measures)))
    assert told.count("notice:") == notices and all(line in told for line in lines), told


@pytest.mark.parametrize("text, told", [("[set]\neval.every = 0\n", 1), ("[set]\neval.every = 5\n", 0)])
def test_a_plan_tells_that_held_out_text_is_never_looked_at(text, told, tmp_path):
    told_by_plan = planned(tmp_path, "seeds = 6\n" + text + GRID + CONTRAST.format("bits_per_byte"))
    sentence = 'contrast "bits_per_byte": bits_per_byte needs an evaluation, and there is none with eval.every = 0'
    assert told_by_plan.count(sentence) == told


def test_a_contrast_on_no_measure_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(Mistake, match=r"unknown measure step_second; .*; did you mean step_seconds"):
        read(tmp_path, "seeds = 2\n" + CONTRAST.format("step_second"))


def test_seeds_in_the_matrix_are_seeds_as_well(tmp_path):
    told = planned(tmp_path, GRID + '"train.seed" = [1, 2, 3, 4, 5, 6]\n' + CONTRAST.format("held_out_loss"))
    assert "notice" not in told


def test_the_plan_has_a_row_for_each_point_with_its_launches_and_seeds(tmp_path):
    rows = [line.split() for line in planned(tmp_path, "seeds = 3\nrepeats = 2\n[sweep.matrix]\narm = [1, 2]").splitlines()]
    assert [row[:3] for row in rows[:3]] == [["point", "launches", "seeds"], ["arm=1", "6", "3"], ["arm=2", "6", "3"]]


def rows_of(one):
    with open(one.results / "table.csv", newline="") as file:
        return list(csv.DictReader(file))


ENDS = 'seeds = 2\n[set]\nfake.seed = 0.125\n[sweep.matrix]\ndata.path = ["ok", "fail_once"]\n'


def test_seeds_are_run_resumed_counted_and_collected(sweep):
    one = sweep(ENDS, base=SEEDED)
    assert one.call("submit").code == 0
    assert "4 cells: 2 complete, 2 failed" in one.call("status").out
    assert "2 to be run now" in one.call("resume").out and "4 cells: 4 complete" in one.call("status").out
    assert one.call("collect").code == 0
    losses = {(row["data.path"], row["train.seed"], row["value"]) for row in rows_of(one) if row["metric"] == "loss"}
    assert losses == {(path, seed, loss) for path in ("ok", "fail_once") for seed, loss in (("5", "3.125"), ("6", "3.25"))}


def test_the_table_says_what_decides_each_metric(sweep):
    one = sweep('seeds = 2\n[sweep.matrix]\ndata.path = ["ok"]', base=SEEDED)
    one.call("submit")
    assert one.call("collect").code == 0
    decided = {row["metric"]: row["decided_by"] for row in rows_of(one)}
    assert set(decided.values()) == {"seed", "machine"}
    machine = {name for name, by in decided.items() if by == "machine"}
    assert machine == {"step_seconds", "memory_bytes"} and decided["memory_bytes/all"] == "seed"


def test_more_seeds_later_run_the_new_ones_alone(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]', base=SEEDED)
    one.call("submit")
    for text, told in (
        ("seeds = 2\n", "1 complete, 1 waiting; 1 to be run now"),
        ("seeds = 3\n", "3 cells: 2 complete, 1 waiting; 1 to be run now"),
    ):
        one.write(text + '[sweep.matrix]\ndata.path = ["ok"]')
        assert told in one.call("submit").out
    manifest = json.loads((one.results / "manifest.json").read_text())
    assert sorted(cell["settings"]["train.seed"] for cell in manifest["cells"] if cell["planned"]) == [5, 6, 7]


REAL = """seeds = 2
repeats = 2
[set]
train.timing = "free"
train.steps = 4
eval.every = 4
[sweep.matrix]
"gate.loss.cv_squared.weight" = [0.0, 0.01]
[[contrast]]
name = "balance"
measure = "held_out_loss"
first = {"gate.loss.cv_squared.weight" = 0.0}
second = {"gate.loss.cv_squared.weight" = 0.01}
"""


@pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built")
def test_with_the_real_program_a_seed_decides_losses_and_a_repeat_does_not(experiment):
    one = experiment(REAL, base=REAL_BASE.replace("[train]\n", "[train]\nseed = 1\n"), site=LOCAL, program=PROGRAM)
    pack_text(one.folder)
    outcome = one.call("submit")
    assert outcome.code == 0 and "write seeds = 6" in outcome.out, outcome
    outcome = one.call("collect")
    assert outcome.code == 0, outcome
    table = rows_of(one)
    assert all(row["decided_by"] for row in table)
    values = {}
    for row in table:
        if row["decided_by"] == "seed":
            arm = row["gate.loss.cv_squared.weight"], row["train.seed"], row["metric"]
            values.setdefault(arm, set()).add(row["value"])
    assert all(len(found) == 1 for found in values.values())
    held_out = {value for (_, _, name), found in values.items() if name == "held_out_loss/prose" for value in found}
    assert len(held_out) == 4
    contrasts = figures.load("contrasts").table(Study(launches.find([one.results])))
    assert contrasts["n"].tolist() == [2] and contrasts["verdict"].tolist() == ["no claim, 2 seeds only: write seeds = 6"]
