"""Points without layout.ranks: the program says how many they take, once for each layout."""

import pytest

from experiment import FAKE, Experiment
from sweep import plan, program, sweep_file
from sweep.points import expand
from sweep.site import Site

LAYOUTS = "[sweep.matrix]\nlayout.ep = [1, 2, 3]\ntrain.seed = [1, 2]\n"
EDP = "[set]\nlayout.edp = 2\n"


def read(tmp_path, text):
    return sweep_file.read(Experiment(tmp_path, text).experiment)


def expanded(tmp_path, text):
    return expand(read(tmp_path, text), str(FAKE))


def exclude(where):
    return f'[[sweep.exclude]]\nwhere = "{where}"\n'


@pytest.fixture
def questions(monkeypatch):
    """layout.ep of every dry run."""
    asked, dry_run = [], program.dry_run

    def noted(executable, base, settings, threads):
        asked.append(settings["layout.ep"])
        return dry_run(executable, base, settings, threads)

    monkeypatch.setattr(program, "dry_run", noted)
    return asked


def test_the_number_of_ranks_is_the_one_that_the_program_says(tmp_path):
    launches = expanded(tmp_path, EDP + LAYOUTS).launches
    assert sorted((p.values["layout.ep"], p.values["layout.ranks"]) for p in launches) == sorted(2 * [(1, 2), (2, 4), (3, 6)])


def test_exclusions_and_equal_points_know_the_number_of_ranks(tmp_path):
    included = "[[sweep.include]]\nlayout.ep = 2\nlayout.ranks = 4\ntrain.seed = 1\n"
    result = expanded(tmp_path, EDP + LAYOUTS + exclude("layout.ranks > 4") + included)
    assert sorted(p.values["layout.ranks"] for p in result.launches) == [2, 2, 4, 4]
    reasons = 2 * ["[[sweep.exclude]] number 1: layout.ranks > 4"] + ["the same point is already there"]
    assert [reason for _, reason in result.excluded] == reasons


def test_the_program_is_asked_once_for_each_different_layout(questions, tmp_path):
    launches = expanded(tmp_path, "repeats = 3\n" + LAYOUTS + exclude("layout.ranks > 4") + exclude("layout.ranks == 9")).launches
    assert len(launches) == 18 and questions == [1, 2, 3]


def test_the_program_is_not_asked_for_ranks_that_are_given(questions, tmp_path):
    assert len(expanded(tmp_path, "[set]\nlayout.ranks = 6\n" + LAYOUTS + exclude("layout.ranks < 6")).launches) == 6
    assert not questions


def test_the_program_is_not_asked_for_points_that_are_left_out_for_another_reason(questions, tmp_path):
    result = expanded(tmp_path, LAYOUTS + exclude("layout.ep > 1 or layout.ranks > 4"))
    assert len(result.excluded) == 4 and questions == [1]


REFUSED = "repeats = 2\n[sweep.matrix]\nlayout.ep = [0, 2]\ntrain.seed = [1, 2]\n"


def test_a_point_without_an_answer_is_dropped_with_the_reason_of_the_program(tmp_path):
    rules = exclude("layout.ranks < 2") + '[[sweep.exclude]]\n"layout.ranks" = 0\n'
    rules += exclude("layout.ep == 0 and train.seed == 2")
    found = plan.make(read(tmp_path, REFUSED + rules), Site("here", cores_per_node=4), str(FAKE))
    assert [cell.ranks for cell in found.cells] == [2] * 4
    assert [entry["reason"] for entry in found.dropped] == ["layout.ep = 0 must be at least 1"] * 2
    assert [entry["values"]["train.seed"] for entry in found.dropped] == [1, 1]
    assert [entry["values"]["train.seed"] for entry in found.excluded] == [2]
