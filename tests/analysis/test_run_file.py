"""What cannot be read ends in one sentence; what must not be taken at face value is marked."""

import h5py
import numpy as np
import pytest

import style
from run_file import BadRunFile, Run
from synthetic_run import write_run
from test_figures import run_cli


def sentence_about(path, *arguments):
    result = run_cli(path, *arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert str(path) in result.stderr
    return result.stderr


def test_a_missing_file_is_named(tmp_path):
    assert "no such file" in sentence_about(tmp_path / "nowhere.h5")


def test_a_file_that_is_not_hdf5_is_refused(tmp_path):
    path = tmp_path / "text.h5"
    path.write_text("hello")
    assert "not a readable HDF5 file" in sentence_about(path)


def test_a_foreign_hdf5_file_is_refused(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    assert "not a moescope run file" in sentence_about(path)


def test_a_newer_schema_is_refused(tmp_path):
    assert "schema version 2" in sentence_about(write_run(tmp_path / "new.h5", schema_version=2))


def test_a_wrong_run_is_refused_with_its_reason(tmp_path):
    path = write_run(tmp_path / "wrong.h5", status="wrong", status_reason="bytes differ in step 3")
    assert "bytes differ in step 3" in sentence_about(path)


def test_a_run_without_a_finished_step_is_refused(tmp_path):
    assert "no step is complete" in sentence_about(write_run(tmp_path / "empty.h5.partial", status="running", steps_done=0))


def test_a_missing_dataset_is_named(run_path):
    with h5py.File(run_path, "r+") as file:
        del file["raw/loss/cross_entropy"]
    assert "/raw/loss/cross_entropy is missing" in sentence_about(run_path, "--only", "loss")


def test_an_unknown_figure_lists_the_known_ones(run_path):
    result = run_cli(run_path, "--only", "lost")
    assert result.returncode != 0
    assert "load_heatmap" in result.stderr


def test_a_partial_run_ends_at_its_last_finished_step(tmp_path):
    run = Run(write_run(tmp_path / "run.h5.partial", status="running", steps_done=6))
    assert len(run.over_steps("raw/tokens")) == 6
    at_step, loss = run.evaluations()
    assert list(at_step) == [0, 5]
    assert len(loss) == 2
    assert run.marks() == ["running: 6 of 10 steps"]


def resumed(path, at, warm_up=2):
    """The file of a launch that went on at step `at`: its first steps are marked, those before are copied."""
    write_run(path)
    with h5py.File(path, "r+") as file:
        file["raw/warm_up"][at : at + warm_up] = 2
    return Run(path)


def test_the_first_steps_after_a_resume_count_but_their_times_do_not(tmp_path):
    run = resumed(tmp_path / "run.h5", at=6)
    np.testing.assert_array_equal(run.steady("raw/step_seconds", times=True), run.array("raw/step_seconds")[[2, 3, 4, 5, 8, 9]])
    for name in ("raw/collective_payload_bytes", "raw/expert_tokens_routed", "raw/loss/total"):
        np.testing.assert_array_equal(run.steady(name), run.array(name)[2:])


def test_what_was_not_copied_from_an_attempt_on_another_layout_is_left_out(tmp_path):
    run = resumed(tmp_path / "run.h5", at=6)
    with h5py.File(run.path, "r+") as file:
        file["raw/collective_payload_bytes"][:6] = -1
        file["raw/step_seconds"][:6] = np.nan
    np.testing.assert_array_equal(run.steady("raw/collective_payload_bytes"), run.array("raw/collective_payload_bytes")[6:])
    np.testing.assert_array_equal(run.steady("raw/step_seconds", times=True), run.array("raw/step_seconds")[8:])
    assert len(run.steady("raw/loss/total")) == 8


def test_while_only_warm_up_is_done_it_is_shown(tmp_path):
    run = Run(write_run(tmp_path / "run.h5.partial", status="running", steps_done=2))
    assert len(run.steady("raw/step_seconds", times=True)) == len(run.steady("raw/loss/total")) == 2


def test_a_stopped_run_says_how_far_it_came(tmp_path):
    run = Run(write_run(tmp_path / "run.h5.partial", status="stopped", steps_done=3))
    assert run.marks() == ["stopped: 3 of 10 steps"]


def test_a_clean_run_has_no_marks_and_a_doubtful_one_all_of_them(run_path, tmp_path):
    run = Run(run_path)
    assert run.marks() == []
    doubtful = write_run(tmp_path / "doubtful.h5", dirty="true", build_type="Debug", oversubscribed=1)
    run = Run(doubtful)
    assert run.marks() == ["uncommitted changes in the build", "debug build", "more threads than cores"]


def test_a_marked_run_says_so_in_its_figures_and_tables(tmp_path):
    path = write_run(tmp_path / "dirty.h5", dirty="true")
    assert run_cli(path, "--only", "loss").returncode == 0
    assert "uncommitted changes in the build" in (tmp_path / "figures" / "loss.tex").read_text()
    figure = style.new_figure(style.COLUMN, 2)
    style.caption(figure, "a note", Run(path).marks())
    colours = {text.get_text(): text.get_color() for text in figure.texts}
    assert colours == {"a note": "#555555", "uncommitted changes in the build": style.MARK}


def test_a_configuration_is_read_by_dotted_keys_from_either_place(run_path):
    run = Run(run_path)
    assert run.config["gate.kind"] == "noisy_top_k" and run.config["layout.ranks"] == 4
    with h5py.File(run_path, "r+") as file:
        file["config/resolved"] = file["config"].attrs["resolved"]
        del file["config"].attrs["resolved"]
    run = Run(run_path)
    assert run.config["gate.kind"] == "noisy_top_k"


def test_reading_outside_a_run_names_the_dataset(run_path):
    run = Run(run_path)
    with pytest.raises(BadRunFile, match="/raw/nothing"):
        run.array("raw/nothing")
