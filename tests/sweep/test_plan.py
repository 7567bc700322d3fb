"""Sweep file -> cells: the points that are meant, none twice, nothing dropped without its reason."""

import json
import math
import re
import subprocess
import tomllib

import pytest

import launch_statistics
from experiment import BASE, FAKE, ROOT, Experiment
from sweep import Mistake, plan, progress, site, sweep_file
from sweep.estimate import duration
from sweep.manifest import Results
from sweep.points import expand
from sweep.site import Site
from sweep.toml_file import toml_value

HERE = Site("here", cores_per_node=4)


def read(tmp_path, text, size=None):
    return sweep_file.read(Experiment(tmp_path, text).experiment, size)


def expanded(sweep):
    return expand(sweep, str(FAKE))


def points(tmp_path, text, size=None):
    return [point.values for point in expanded(read(tmp_path, text, size)).launches]


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
    result = expanded(read(tmp_path, text))
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


def test_values_are_derived_by_expressions(tmp_path):
    found = points(tmp_path, MATRIX + '[sweep.derive]\nbatch.sequences = "layout.ep * 2"\nlayout.ranks = "batch.sequences"')
    assert all(p["layout.ranks"] == p["batch.sequences"] == 2 * p["layout.ep"] for p in found)


def test_a_repeat_is_a_launch_of_its_own_and_the_order_is_random_with_the_stored_seed(tmp_path):
    sweep = read(tmp_path, "repeats = 3\norder_seed = 5\n" + MATRIX)
    launches = expanded(sweep).launches
    told = [(p.values["layout.ep"], p.values["train.seed"], p.repeat) for p in launches]
    assert len(set(told)) == 18 and told == [
        (p.values["layout.ep"], p.values["train.seed"], p.repeat) for p in expanded(sweep).launches
    ]
    assert [repeat for *_, repeat in told] == [0] * 6 + [1] * 6 + [2] * 6  # arms alternate: each block has all of them
    blocks = [[pair[:2] for pair in told[i : i + 6]] for i in (0, 6, 12)]
    assert blocks[0] != blocks[1] and sorted(blocks[0]) == sorted(blocks[1])
    sweep.order_seed = 6
    assert told != [(p.values["layout.ep"], p.values["train.seed"], p.repeat) for p in expanded(sweep).launches]


def test_equal_settings_under_two_labels_are_launched_separately(tmp_path):
    cells = made(tmp_path, 'repeats = 2\n[sweep.matrix]\narm = ["a", "a_again"]\nlayout.ep = [1, 2]').cells
    assert len(cells) == len({cell.cell_key for cell in cells}) == 8
    assert len({cell.computation_key for cell in cells}) == 1
    assert sorted((cell.labels["arm"], cell.repeat) for cell in cells if cell.settings["layout.ep"] == 1) == [
        ("a", 0), ("a", 1), ("a_again", 2), ("a_again", 3)
    ]  # fmt: skip


def test_the_same_point_twice_is_told(tmp_path):
    result = expanded(read(tmp_path, "[sweep.matrix]\nlayout.ep = [2]\n[[sweep.include]]\nlayout.ep = 2"))
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
    assert len(expanded(sweep_file.read(tmp_path / "study", "cluster")).launches) == 6
    for size, sentence in ((None, "add --size cluster or --size laptop"), ("huge", "no size huge; there are cluster, laptop")):
        with pytest.raises(Mistake, match=sentence):
            sweep_file.read(tmp_path / "study", size)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("repeat = 2", "unknown key repeat; there are question"),
        ("repeat = 2", "did you mean repeats?"),
        (
            "[sweep.matrix]\nlaunch.thread = [2]",
            "unknown key launch.thread; there are threads, minutes; did you mean launch.threads?",
        ),
        ("[set]\nlaunch.cells_per_job = 2", "unknown key launch.cells_per_job; there are threads, minutes"),
        ("[sweep.matrix]\nlaunch.threads = [0]", "launch.threads = 0 must be a whole number of at least 1"),
        ('[sweep.matrix]\nlaunch.threads = ["1"]', "launch.threads = '1' must be a whole number of at least 1"),
        ('[sweep.derive]\nlaunch.minutes = "3 / 2"', "launch.minutes = 1.5 must be a whole number of at least 0"),
        ('[sweep.matrix]\n"layout.ep" = [1]\nlayout.ep = [2]', "layout.ep is given twice"),
        (
            "[sweep.matrix]\nlayout.ep = [1]\n[sweep.zip]\nlayout.ep = [2]",
            "in [sweep.matrix] and in [sweep.zip]; it stands in one",
        ),
        ("[set]\ntrain.seed = 1\n[sweep.derive]\ntrain.seed = 2", "in [set] and in [sweep.derive]; it stands in one"),
        ("[sweep.derive]\na = 1\n[[sweep.include]]\na = 2", "in [[sweep.include]] and in [sweep.derive]; it stands in one"),
        (
            '[sweep.matrix]\nlayout.ep = [1, 2]\n[[sweep.exclude]]\n"layout.ep" = "2"',
            "[[sweep.exclude]] number 1: layout.ep = '2' is a text, and layout.ep is a number everywhere",
        ),
        ('[[sweep.exclude]]\n"layout.ranks" = "2"', "layout.ranks = '2' is a text, and layout.ranks is a number everywhere"),
        ("[sweep.matrix]\na = [true]\n[[sweep.exclude]]\na = 1", "a = 1 is a number, and a is a bool everywhere"),
        (
            "[sweep.matrix]\nday = [1979-05-27]",
            'sweep.matrix.day = 1979-05-27 is a date; as text it stands in quotes: "1979-05-27"',
        ),
        (
            "[[contrast]]\nname = 'x'\nmeasur = 'y'",
            "unknown key contrast.measur; there are name, measure, first, second, smallest_effect; did you mean",
        ),
        (f"[sweep.matrix]\na = {[0] * 400}\nb = {[0] * 400}", "160000 launches; a sweep has at most 100000"),
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


@pytest.mark.parametrize("label", ["metric", "value", "cell", "repeat", "marks", "steps", "a/b"])
def test_a_label_that_could_be_no_column_of_its_own_is_refused(label, tmp_path):
    with pytest.raises(Mistake, match=f"{label} cannot be the name of a label"):
        made(tmp_path, f'[sweep.matrix]\n"{label}" = ["x", "y"]')


def test_the_same_key_of_a_size_replaces_that_of_the_whole_however_it_is_written(tmp_path):
    text = '[set]\n"train.steps" = 9\n[size.small.set.train]\nsteps = 2\n[size.small.sweep.matrix]\n"layout.ep" = [2]'
    assert [(p["train.steps"], p["layout.ep"]) for p in points(tmp_path, text, "small")] == [(2, 2)]


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    experiment = Experiment(tmp_path, "[sweep.matrix]\nlayout.ep = [2]")
    for path in (experiment.experiment / "sweep.toml", experiment.experiment / "base.toml", experiment.site):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    outcome = experiment.call("plan")
    assert outcome.code == 0 and "1 cells" in outcome.out, outcome


def test_tables_and_lists_can_be_swept(tmp_path):
    weights = [{"a": 1.0}, {"a": 1.0, "b c": 3.0}]
    cells = made(tmp_path, '[sweep.matrix]\n"data.weights" = [{a = 1.0}, {a = 1.0, "b c" = 3.0}]\nfake.list = [[1, 2.5]]').cells
    assert sorted((cell.settings["data.weights"] for cell in cells), key=len) == weights
    assert [cell.settings["fake.list"] for cell in cells] == [[1, 2.5]] * 2


@pytest.mark.parametrize(
    "value", [True, 3, -1.5, 1e-300, math.inf, 'a "\\ \n\x7f→', [], [1, "a", [2]], {}, {"a b.c": [{"d": 1}]}]
)
def test_a_value_is_written_as_toml(value):
    assert tomllib.loads(f"value = {toml_value(value)}") == {"value": value}


@pytest.mark.parametrize("text", ["[launch]\nminutes = 2", "[sweep.zip]\nlaunch.minutes = [9, 2]\ntrain.seed = [1, 2]"])
def test_a_time_limit_within_its_own_notice_is_refused(text, tmp_path):
    sentence = "launch.minutes = 2 leaves .* above notice_seconds = 120 of the site here"
    with pytest.raises(Mistake, match=sentence):
        made(tmp_path, text)
    experiment = sweep_file.read(tmp_path / "study")
    assert plan.make(experiment, Site("here", cores_per_node=4, notice_seconds=119), str(FAKE)).cells


@pytest.mark.parametrize("notice", [120, 599, 600, 7200])
def test_a_time_limit_of_the_driver_leaves_room_for_the_notice(notice, tmp_path):
    (cell,) = made(tmp_path, "", Site("here", cores_per_node=4, notice_seconds=notice)).cells
    assert cell.minutes % 10 == 0 and 60 * cell.minutes > notice + 3 * cell.expected_seconds > 60 * (cell.minutes - 10)


CONTRAST = """[sweep.matrix]
layout.ep = [1, 2]
[[contrast]]
name = "more"
measure = "step_seconds"
first = {layout.ep = 1}
second = {"layout.ep" = %s}
"""


@pytest.mark.parametrize(
    "repeats, contrasts, notice",
    [
        (6, 1, ""),
        (5, 1, "from 5 launches of a side; one contrast needs 6 (repeats = 5)"),
        (6, 3, "from 6 launches of a side; 3 contrasts need 7 (repeats = 6)"),
        (7, 3, ""),
    ],
)
def test_a_plan_tells_which_contrasts_its_launches_cannot_carry(repeats, contrasts, notice, tmp_path):
    contrast = CONTRAST[CONTRAST.index("[[contrast]]") :] % 2
    text = f"repeats = {repeats}\n" + CONTRAST % 2 + (contrasts - 1) * contrast
    told = Experiment(tmp_path, text).call("plan").out
    assert told.count(notice if notice else 'contrast "') == (contrasts if notice else 0), told


def test_a_contrast_that_no_cell_has_is_told(tmp_path):
    outcome = Experiment(tmp_path, "repeats = 6\n" + CONTRAST % '"2"').call("plan")
    assert outcome.code == 0 and 'notice: contrast "more": no cell has the values of second' in outcome.out, outcome


def test_a_contrast_of_losses_of_forced_runs_is_told(tmp_path):
    text = (
        "repeats = 6\n[sweep.matrix]\nrouting.forced = ['none', 'even']\n"
        "[[contrast]]\nname = 'c'\nmeasure = 'held_out_loss'\n"
        "first = { routing.forced = 'none' }\nsecond = { routing.forced = 'even' }\n"
    )
    outcome = Experiment(tmp_path, text).call("plan")
    assert "the loss of a run with routing.forced = even tells nothing of a model" in outcome.out, outcome


def test_where_no_cell_can_be_run_the_command_says_so_and_fails(tmp_path):
    experiment = Experiment(tmp_path, "[sweep.matrix]\nlayout.ep = [3]\nlayout.ranks = [4]")
    for command in ("plan", "submit"):
        outcome = experiment.call(command)
        assert outcome.code == 1 and "0 cells" in outcome.out and len(outcome.err.splitlines()) == 1, outcome
        assert "no cell can be run; the first of 1 that are left out: layout.ep = 3 does not divide" in outcome.err
    assert not (experiment.results / "manifest.json").exists()


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


def test_expected_times_say_what_they_are_made_of_and_are_taken_from_cells_that_are_done(tmp_path):
    experiment = Experiment(tmp_path, "repeats = 3\n[sweep.matrix]\nlayout.ep = [1]")
    told = experiment.call("plan").out
    assert "expected times: 5 s + 6 x active parameters x tokens / (cores x " in told
    assert "no cell is timed yet: they may be far off, many times too long or too short" in told
    submitted = experiment.call("submit").out
    assert submitted.count("a guess until a cell is timed") == 1 and submitted.count("left: about ") == 3
    told = experiment.call("plan").out
    cells = [plan.Cell(**entry) for entry in json.loads((experiment.results / "manifest.json").read_text())["cells"]]
    found = progress.states(cells, Results(experiment.results))
    ratios = [found[cell.name].seconds / cell.expected_seconds for cell in cells]
    factor = sum(state.seconds for state in found.values()) / sum(cell.expected_seconds for cell in cells)
    assert all(0 < ratio < 1 for ratio in ratios)  # cells of less than a second, expected to take five, are timed as well
    assert f"; corrected by {factor:.2g}, as 3 timed cells took, from {min(ratios):.2g} to {max(ratios):.2g}" in told
    assert f"  {duration(cells[0].expected_seconds * factor)}  " in told


def test_a_plan_tells_that_phased_cells_have_no_speed(tmp_path):
    text = '[sweep.matrix]\ntrain.timing = ["free", "phased"]\ntrain.seed = [1, 2]'
    assert "\n2 cells are phased: " in Experiment(tmp_path, text).call("plan").out


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
    experiment = Experiment(tmp_path, text, base=BASE.replace("[train]\n", "[train]\nseed = 1\n")).experiment
    arms = [p.values["arm"] for p in expanded(sweep_file.read(experiment, "laptop")).launches if p.values["layout.ep"] == 1]
    assert sorted(arms) == ["large", "large", "small", "small"]


@pytest.mark.parametrize("size", ["laptop", "cluster"])
def test_the_scaling_experiment_can_be_expanded(size):
    sweep = sweep_file.read(ROOT / "experiments/scaling", size)
    result = expanded(sweep)
    points = {(p.labels["study"], p.settings["layout.ranks"], p.settings.get("train.dispatcher")) for p in result.launches}
    assert not result.excluded and len(result.launches) == sweep.repeats * len(points)
    assert sweep.repeats >= launch_statistics.pairs_needed(len(sweep.contrasts)) > launch_statistics.FEWEST_LAUNCHES


def test_a_folder_with_an_apostrophe_in_its_name_is_sourced_from(tmp_path, monkeypatch):
    root = tmp_path / "the user's tree"
    (root / "cluster/setup").mkdir(parents=True)
    (root / "cluster/setup/mpi_environment.sh").write_text("echo found\n")
    monkeypatch.setattr(site, "ROOT", root)
    (line,) = site.load("local").setup_lines()
    assert subprocess.run(["bash", "-c", line], capture_output=True, text=True).stdout == "found\n"
