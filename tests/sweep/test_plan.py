"""Sweep file -> cells: the points that are meant, none twice, nothing dropped without its reason."""

import json
import re

import pytest

import launch_statistics
from experiment import FAKE, ROOT, Experiment
from sweep import Mistake, plan, sweep_file
from sweep.points import expand
from sweep.site import Site

HERE = Site("here", cores_per_node=4)


def read(tmp_path, text, size=None):
    return sweep_file.read(Experiment(tmp_path, text).experiment, size)


def points(tmp_path, text, size=None):
    return [point.values for point in expand(read(tmp_path, text, size)).launches]


def made(tmp_path, text, site=HERE):
    return plan.make(read(tmp_path, text), site, str(FAKE))


MATRIX = '[sweep.matrix]\n"layout.ep" = [1, 2, 4]\n"train.seed" = [1, 2]\n'


def test_a_matrix_is_crossed_and_a_zip_walked_together(tmp_path):
    found = points(tmp_path, MATRIX + '[sweep.zip]\n"batch.sequences" = [4, 8]\nstudy = ["a", "b"]')
    assert len(found) == 12
    assert {(p["batch.sequences"], p["study"]) for p in found} == {(4, "a"), (8, "b")}
    assert {(p["layout.ep"], p["train.seed"]) for p in found} == {(e, s) for e in (1, 2, 4) for s in (1, 2)}


def test_groups_of_zips_are_crossed(tmp_path):
    found = points(tmp_path, "[[sweep.zip]]\na = [1, 2]\nb = [3, 4]\n[[sweep.zip]]\nc = [5, 6, 7]")
    assert sorted((p["a"], p["b"], p["c"]) for p in found) == [(a, a + 2, c) for a in (1, 2) for c in (5, 6, 7)]


def test_dotted_keys_need_no_quotes(tmp_path):
    assert [p["layout.ep"] for p in points(tmp_path, "[sweep.matrix]\nlayout.ep = [2]")] == [2]


def test_points_are_included_and_excluded_by_value_or_expression(tmp_path):
    text = MATRIX + '[[sweep.include]]\n"layout.ep" = 8\n"train.seed" = 9\n'
    text += '[[sweep.exclude]]\n"layout.ep" = 4\n"train.seed" = 2\n[[sweep.exclude]]\nwhere = "layout.ep > model.num_experts"'
    result = expand(read(tmp_path, text))
    assert sorted((p.values["layout.ep"], p.values["train.seed"]) for p in result.launches) == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (4, 1),
    ]
    assert sorted((values["layout.ep"], reason[:28]) for values, reason in result.excluded) == [
        (4, "[[sweep.exclude]] number 1: "),
        (8, "[[sweep.exclude]] number 2: "),
    ]


@pytest.mark.parametrize(
    "settings, ranks",
    [("tp = [2]\nlayout.ep = [4]", 8), ("tp = [4]\nlayout.etp = [1]\nlayout.ep = [6]", 12), ("dp = [3]\nlayout.tp = [2]", 6)],
)
def test_the_number_of_ranks_follows_from_the_layout(settings, ranks, tmp_path):
    assert [p["layout.ranks"] for p in points(tmp_path, f"[sweep.matrix]\nlayout.{settings}")] == [ranks]


def test_values_are_derived_by_expressions(tmp_path):
    found = points(tmp_path, MATRIX + '[sweep.derive]\nbatch.sequences = "layout.ep * 2"\nlayout.ranks = "batch.sequences"')
    assert all(p["layout.ranks"] == p["batch.sequences"] == 2 * p["layout.ep"] for p in found)


def test_a_repeat_is_a_launch_of_its_own_and_the_order_is_random_with_the_stored_seed(tmp_path):
    sweep = read(tmp_path, "repeats = 3\norder_seed = 5\n" + MATRIX)
    launches = expand(sweep).launches
    told = [(p.values["layout.ep"], p.values["train.seed"], p.repeat) for p in launches]
    assert len(set(told)) == 18 and told == [
        (p.values["layout.ep"], p.values["train.seed"], p.repeat) for p in expand(sweep).launches
    ]
    assert [repeat for *_, repeat in told] == [0] * 6 + [1] * 6 + [2] * 6  # arms alternate: each block has all of them
    blocks = [[pair[:2] for pair in told[i : i + 6]] for i in (0, 6, 12)]
    assert blocks[0] != blocks[1] and sorted(blocks[0]) == sorted(blocks[1])
    sweep.order_seed = 6
    assert told != [(p.values["layout.ep"], p.values["train.seed"], p.repeat) for p in expand(sweep).launches]


def test_equal_settings_under_two_labels_are_launched_separately(tmp_path):
    cells = made(tmp_path, 'repeats = 2\n[sweep.matrix]\narm = ["a", "a_again"]\nlayout.ep = [1, 2]').cells
    assert len(cells) == len({cell.cell_key for cell in cells}) == 8
    assert len({cell.computation_key for cell in cells}) == 1
    assert sorted((cell.labels["arm"], cell.repeat) for cell in cells if cell.settings["layout.ep"] == 1) == [
        ("a", 0), ("a", 1), ("a_again", 2), ("a_again", 3)
    ]  # fmt: skip


def test_the_same_point_twice_is_told(tmp_path):
    result = expand(read(tmp_path, "[sweep.matrix]\nlayout.ep = [2]\n[[sweep.include]]\nlayout.ep = 2"))
    assert len(result.launches) == 1 and [reason for _, reason in result.excluded] == ["the same point is already there"]


def test_impossible_cells_are_dropped_with_the_reason_of_the_program(tmp_path):
    found = made(tmp_path, "repeats = 2\n[sweep.matrix]\nlayout.ep = [1, 3]\nlayout.ranks = [4]")
    assert [cell.settings["layout.ep"] for cell in found.cells] == [1, 1]
    assert [entry["reason"] for entry in found.dropped] == ["layout.ep = 3 does not divide layout.ranks = 4"] * 2


def test_a_cell_that_needs_more_memory_than_a_node_has_is_dropped(tmp_path):
    found = made(tmp_path, "[sweep.matrix]\nlayout.ranks = [1, 4]", Site("here", cores_per_node=4, memory_per_node=3 * 2**20))
    assert [cell.ranks for cell in found.cells] == [1]
    assert found.dropped[0]["reason"] == "needs about 4.0 MiB on a node, and a node of here has 3.0 MiB"


@pytest.mark.parametrize(
    "settings, every", [("steps = 1000", 333), ("steps = 300", 0), ("steps = 1000\ncheckpoint.every = 7", 0)]
)
def test_a_long_cell_gets_a_checkpoint_about_every_ten_minutes_unless_the_configuration_says_when(settings, every, tmp_path):
    site = Site("here", cores_per_node=1, flops_per_core=6 * 1000 * 32 * 1000 / 1795)  # 1795 s + 5 s for 1000 steps of 32 tokens
    assert [cell.checkpoint_every for cell in made(tmp_path, f"[set]\ntrain.{settings}", site).cells] == [every]


def test_threads_belong_to_the_cell_key(tmp_path):
    cells = made(tmp_path, "[sweep.matrix]\nlaunch.threads = [1, 2]").cells
    assert sorted(cell.threads for cell in cells) == [1, 2] and len({cell.cell_key for cell in cells}) == 2
    assert len({cell.computation_key for cell in cells}) == 1


def test_a_size_replaces_keys_of_the_whole(tmp_path):
    text = "repeats = 6\n[sweep.matrix]\nlayout.ranks = [64]\n[set]\ntrain.steps = 9\n"
    text += "[size.cluster]\n[size.laptop]\nrepeats = 1\n[size.laptop.sweep.matrix]\nlayout.ranks = [2]"
    assert [(p["layout.ranks"], p["train.steps"]) for p in points(tmp_path, text, "laptop")] == [(2, 9)]
    assert len(expand(sweep_file.read(tmp_path / "study", "cluster")).launches) == 6
    for size, sentence in ((None, "add --size cluster or --size laptop"), ("huge", "no size huge; there are cluster, laptop")):
        with pytest.raises(Mistake, match=sentence):
            sweep_file.read(tmp_path / "study", size)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("repeat = 2", "unknown key repeat; there are question"),
        ("[sweep.matrices]", "unknown key sweep.matrices"),
        ("[launch]\ncores = 2", "unknown key launch.cores"),
        ("repeats = 0", "repeats = 0 must be a whole number of at least 1"),
        ("[sweep.matrix]\nlayout.ep = 2", "sweep.matrix.layout.ep must be a list"),
        ("[sweep.zip]\na = [1]\nb = [1, 2]", "a has 1, b has 2"),
        ("[sweep.matrix]\nrecord.repeat = [1]", "record.repeat is set by the driver"),
        ('[set]\ncheckpoint.path = "x"', "checkpoint.path is set by the driver"),
        ('[[sweep.exclude]]\nwhere = "layout.eq > 1"', "asks for layout.eq, which neither it nor base.toml sets"),
        ("repeats = ", "sweep.toml: "),
        ("[sweep.matrix]\ntrain.seed = [1]\n[sweep.matrix]", "sweep.toml: "),
    ],
)
def test_a_mistake_in_the_sweep_file_is_told_in_a_sentence(text, sentence, tmp_path):
    with pytest.raises(Mistake) as mistake:
        points(tmp_path, text)
    assert sentence in str(mistake.value) and "\n" not in str(mistake.value)


def test_the_command_shows_points_reasons_and_node_hours_and_leaves_no_file(tmp_path):
    experiment = Experiment(tmp_path, 'question = "Why?"\nrepeats = 2\n[sweep.matrix]\nlayout.ep = [1, 2, 3]\nlayout.ranks = [4]')
    outcome = experiment.call("plan")
    assert outcome.code == 0 and outcome.err == "", outcome
    for part in (
        "Why?",
        "ep=2",
        "1.0 MiB",
        "2 x layout.ep = 3 does not divide",
        "4 cells, 1 computations; 2 dropped",
        "node-hours on here",
    ):
        assert part in outcome.out, part
    assert not experiment.results.exists()


def test_the_command_ends_with_one_sentence_on_a_mistake(tmp_path):
    experiment = Experiment(tmp_path, "repeats = 2")
    for arguments in (["--site", "nowhere"], ["--program", "/bin/missing"], ["--size", "huge"]):
        outcome = experiment.call("plan", *arguments)
        assert outcome.code == 1 and len(outcome.err.splitlines()) == 1, outcome
        assert outcome.err.startswith("moescope-sweep: ")
    (experiment.experiment / "base.toml").unlink()
    assert "base.toml: No such file" in experiment.call("plan").err


def test_keys_are_what_the_program_says(tmp_path):
    cell = made(tmp_path, "[sweep.matrix]\nlayout.ranks = [2]").cells[0]
    assert len(cell.cell_key) == len(cell.computation_key) == 64 and cell.name.endswith(cell.cell_key[:8])
    assert json.loads(json.dumps(cell.as_json()))["settings"] == {"layout.ranks": 2, "record.repeat": 0, "record.site": "here"}


def test_the_example_of_the_guide_is_a_sweep_file(tmp_path):
    text = re.search(r"^```toml\n(.*?)^```", (ROOT / "docs/first_sweep.md").read_text(), re.DOTALL | re.MULTILINE)[1]
    arms = [p["arm"] for p in points(tmp_path, text, "laptop") if p["layout.ep"] == 1]
    assert sorted(arms) == ["large", "large", "small", "small"]


@pytest.mark.parametrize("size", ["laptop", "cluster"])
def test_the_scaling_experiment_can_be_expanded(size):
    sweep = sweep_file.read(ROOT / "experiments/scaling", size)
    result = expand(sweep)
    points = {(p.labels["study"], p.settings["layout.ranks"], p.settings.get("train.dispatcher")) for p in result.launches}
    assert not result.excluded and len(result.launches) == sweep.repeats * len(points)
    assert sweep.repeats >= launch_statistics.pairs_needed(len(sweep.contrasts)) > launch_statistics.FEWEST_LAUNCHES
