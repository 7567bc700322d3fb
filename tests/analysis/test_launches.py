"""Which run files a path stands for: a file, all below a folder, or what the manifest of a sweep counts."""

import json
import shutil

import h5py
import pytest

import launches
from run_file import BadRunFile
from study import Study
from synthetic_run import write_run, write_sweep
from test_figures import run_cli


def cell(label, repeat, attempts, redo_after=0, **config):
    return {"study": label}, {"record.repeat": repeat, **config}, redo_after, attempts


def test_a_folder_stands_for_every_run_file_below_it(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    paths = {write_run(tmp_path / "a.h5"), write_run(tmp_path / "deep" / "er" / "b.h5")}
    assert set(launches.find([tmp_path]).paths) == paths
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRunFile, match="no run file"):
        launches.find([tmp_path / "empty"])


def test_a_sweep_stands_for_the_newest_attempt_that_counts_of_each_planned_cell(tmp_path):
    cells = {
        "once": cell("a", 0, {1: 1.0}),
        "redone": cell("a", 1, {1: 1.0, 2: 2.0}, redo_after=1),
        "to_redo": cell("a", 2, {1: 1.0}, redo_after=1),
        "eleven": cell("a", 3, {2: 1.0, 11: 3.0}),
        "unfinished": cell("a", 4, {}),
        "dropped": cell("a", 5, {1: 1.0}),
    }
    write_sweep(tmp_path, cells, [{"name": "declared"}])
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["cells"][-1]["planned"] = False
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "table.h5").write_bytes(b"no run file")
    found = launches.find([tmp_path])
    expected = ["once/attempt_1", "redone/attempt_2", "eleven/attempt_11"]
    assert [str(path.parent.relative_to(tmp_path / "cells")) for path in found.paths] == expected
    assert found.contrasts == [{"name": "declared"}]
    assert [launches.name_of(path) for path in [*found.paths, tmp_path / "a.b.h5"]] == ["once", "redone", "eleven", "a.b"]


def test_labels_of_a_sweep_make_arms_of_equal_configurations(tmp_path):
    names = {
        f"{label}{repeat}": cell(label, 6 * again + repeat, {1: 1.0}) for again, label in enumerate("ab") for repeat in range(6)
    }
    study = Study(launches.find([write_sweep(tmp_path, names)]))
    assert [arm.label for arm in study.arms] == ["a", "b"]
    assert [(first.label, second.label) for first, second in study.equal_arms()] == [("a", "b")]


def test_arms_that_differ_in_a_key_are_no_equal_arms(tmp_path):
    cells = {kind: cell("a", 0, {1: 1.0}, **{"gate.kind": kind}) for kind in ("switch", "random")}
    study = Study(launches.find([write_sweep(tmp_path, cells)]))
    assert [arm.label for arm in study.arms] == ["random", "switch"] and study.equal_arms() == []


def test_what_the_manifest_says_of_the_analysis_holds_until_a_file_says_otherwise(tmp_path):
    cells = {kind: cell("a", 0, {1: 1.0}, **{"gate.kind": kind}) for kind in ("switch", "random")}
    path = write_sweep(tmp_path, cells) / "manifest.json"
    analysis = {"by": ["gate.kind"], "baseline": {"gate.kind": "switch"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"analysis": analysis}))
    assert Study(launches.find([tmp_path])).baseline().label == "switch"
    other = tmp_path / "other.toml"
    other.write_text('[analysis]\nbaseline = {"gate.kind" = "random"}')
    assert Study(launches.find([tmp_path]), sweep=other).baseline().label == "random"


def test_a_sweep_without_a_finished_cell_and_a_foreign_manifest_are_told(tmp_path):
    write_sweep(tmp_path, {"x": cell("a", 0, {})})
    with pytest.raises(BadRunFile, match="no cell of this sweep is complete"):
        launches.find([tmp_path])
    for text in ("{}", "[1]", "no json"):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(BadRunFile, match="not the manifest of a sweep"):
            launches.find([tmp_path])


def test_what_is_not_ours_among_run_files_is_passed_over_with_a_notice(tmp_path):
    sweep = write_sweep(tmp_path / "sweep", {"x": cell("a", 0, {1: 1.0}), "y": cell("b", 0, {1: 1.0})})
    cells = sweep / "cells"
    for copy in ("x/attempt_1.bak", "x/attempt_old", "x.bak/attempt_2"):
        shutil.copytree(cells / "x" / "attempt_1", cells / copy)
    found = launches.find([sweep])
    assert found.paths == [cells / name / "attempt_1" / "run.h5" for name in ("x", "y")]
    assert {path.relative_to(cells).as_posix() for path, _ in found.passed_over} == {"x.bak", "x/attempt_1.bak", "x/attempt_old"}
    result = run_cli(sweep, "--only", "loss", "--report", "--out", tmp_path / "out")
    assert result.returncode == 0
    assert f"{cells / 'x' / 'attempt_1.bak'} is passed over: no attempt of a cell." in result.stderr


def test_a_file_of_another_program_below_a_folder_is_passed_over(tmp_path):
    ours = write_run(tmp_path / "a.h5")
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["table/value"] = [1.0]
    found = launches.find([tmp_path])
    assert found.paths == [ours] and found.passed_over == [(tmp_path / "table.h5", launches.FOREIGN)]
