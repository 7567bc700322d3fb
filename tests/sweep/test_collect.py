"""collect: every finished cell and metric in one table, everything else named, and no silence where cells disagree."""

import csv
import json
import math
import os
import shutil
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from sweep import command_line
from sweep.agreement import Numbers, check

PAIR = "repeats = 2\n[sweep.matrix]\nlayout.tp = [1, 2]\narm = ['a']\n"


def rows(one, name="table.csv"):
    with open(one.results / name, newline="") as file:
        return list(csv.DictReader(file))


def collected(one, code=0):
    one.call("submit")
    outcome = one.call("collect")
    assert outcome.code == code, outcome
    return outcome


def test_the_table_has_a_row_for_each_cell_and_metric(sweep):
    one = sweep(PAIR)
    assert "40 rows of 4 cells" in collected(one).out
    table = rows(one)
    assert len({(row["cell"], row["metric"]) for row in table}) == len(table) == 40 and not rows(one, "missing.csv")
    assert {(row["layout.tp"], row["repeat"]) for row in table} == {(t, r) for t in "12" for r in "01"}
    seconds = [row for row in table if row["metric"] == "step_seconds"]
    assert {(row["value"], row["within_run_low"], row["within_run_high"], row["steps"], row["unit"]) for row in seconds} == {
        ("0.1", "0.09", "0.11", "3", "s")
    }
    values = {row["metric"]: row["value"] for row in table}
    assert values["payload_bytes/dp.gradients"] == "20.0" and values["loss"] == "2.5" and values["held_out_loss/code"] == "2.0"


def test_the_hdf5_table_is_the_csv_table(sweep):
    one = sweep(PAIR)
    collected(one)
    table = rows(one)
    with h5py.File(one.results / "table.h5") as file:
        assert set(file["table"]) == set(table[0])
        for name, data in file["table"].items():
            told = [row[name] for row in table]
            if h5py.check_string_dtype(data.dtype):
                assert [value.decode() for value in data[()]] == told, name
            else:
                assert data[()] == pytest.approx([float(value or "nan") for value in told], nan_ok=True), name


def test_collecting_twice_gives_the_same_bytes(sweep):
    one = sweep(PAIR)
    collected(one)
    before = {name: (one.results / name).read_bytes() for name in ("table.csv", "table.h5", "missing.csv")}
    time.sleep(1.1)  # HDF5's own time stamps, were there any, count seconds
    one.call("collect")
    assert before == {name: (one.results / name).read_bytes() for name in before}


def test_cells_that_are_missing_are_listed_with_their_reason(sweep):
    one = sweep('[sweep.zip]\ndata.path = ["ok", "fail", "wrong", "ok"]\nlayout.ep = [1, 1, 1, 3]\nlayout.ranks = [2, 2, 2, 2]')
    told = collected(one).out
    missing = {row["state"]: row["reason"] for row in rows(one, "missing.csv")}
    assert missing == {
        "failed": "this launch was told to fail",
        "wrong": "a check failed",
        "dropped": "layout.ep = 3 does not divide layout.ranks = 2",
    }
    assert all(reason in told for reason in missing.values())
    assert len({row["cell"] for row in rows(one)}) == 1


def test_a_newer_attempt_replaces_the_redone_one(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    collected(one)
    one.call("resume", "--redo", "*")
    collected(one)
    assert {row["attempt"] for row in rows(one)} == {"2"}


def numbers(loss=(5.0, 4.0), counts=1, identity="a", dtype="float64"):
    return Numbers("x", identity, dtype, np.array(loss), np.full((len(loss), 1, 2), counts))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({}, ""),
        ({"loss": (5.0, 4.0 + 1e-15)}, "are repeats and differ"),
        ({"loss": (5.0, math.nan)}, "are repeats and differ"),
        ({"counts": 2}, "are repeats and differ"),
        ({"loss": (5.0 + 1e-12, 4.0), "identity": "b"}, ""),
        ({"loss": (5.0 + 1e-10, 4.0), "identity": "b"}, "the losses of the first step differ by 2.0e-11, more than 1e-12"),
        ({"loss": (5.0, 4.0 + 4e-7), "identity": "b"}, "the losses differ by 1.0e-07, more than 1e-09"),
        ({"loss": (5.0, math.nan), "identity": "b"}, "the losses differ by inf"),
        ({"counts": 2, "identity": "b"}, "the experts' choices differ"),
        ({"loss": (5.0, 4.1), "counts": 2, "identity": "b", "dtype": "float32"}, ""),
        ({"loss": (5.001, 4.0), "identity": "b", "dtype": "float32"}, "differ by 2.0e-04, more than 1e-05"),
        ({"loss": (5.0,), "identity": "b"}, "x has 2 steps, x has 1"),
    ],
)
def test_cells_of_one_computation_must_agree(changes, sentence):
    first = numbers(dtype=changes.get("dtype", "float64"))
    found = check({"key": [first, numbers(**changes)]})
    assert len(found) == bool(sentence) and all(sentence in told for told in found), found


def test_a_disagreement_is_told_and_ends_with_an_error(sweep):
    one = sweep(PAIR + "[set]\nfake.first = 1e-10")
    outcome = collected(one, code=1)
    assert outcome.err.count("cells of one computation disagree") == 1 and "more than 1e-12" in outcome.err, outcome


def test_an_unreadable_run_file_is_told(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\ntrain.seed = [1, 2]')
    one.call("submit")
    next(one.results.glob("cells/*/attempt_1/run.h5")).write_bytes(b"no HDF5")
    told = one.call("collect").out
    assert "10 rows of 1 cells" in told and "cannot be read" in told, told


def test_without_any_finished_cell_the_table_is_empty(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["fail"]')
    outcome = collected(one, code=1)
    assert "0 rows of 0 cells" in outcome.out and "no cell is complete, so the table is empty" in outcome.err, outcome
    assert rows(one) == [] and len(rows(one, "missing.csv")) == 1


def test_what_is_not_ours_among_the_results_is_passed_over_with_a_word(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    collected(one)
    (attempt,) = one.results.glob("cells/*/attempt_1")
    (one.results / "jobs").mkdir()
    strange = [attempt.with_name("attempt_1.bak"), attempt.with_name("attempt_01"), attempt.parent.with_name("copy")]
    for folder in strange:
        shutil.copytree(attempt, folder)
    (one.results / "jobs/array_001.old.txt").touch()
    for command, told in (("status", "1 complete"), ("collect", "10 rows of 1 cells"), ("resume", "0 to be run now")):
        outcome = one.call(command)
        assert outcome.code == 0 and told in outcome.out, outcome
        assert all(f"passed over, as it is nothing of this sweep: {path}\n" in outcome.err for path in strange), outcome
        assert outcome.err.count("passed over") == 4, outcome
    assert one.call("resume", "--redo", "*").code == 0 and len(one.attempts()) == 4


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # Python then takes ASCII for the encoding of everything


def test_every_file_and_word_is_utf_8_whatever_the_locale(sweep):
    one = sweep('question = "Größe → Zeit?"\n[sweep.zip]\narm = ["→", "ü"]\ndata.path = ["ok", "fail"]')
    one.results = one.folder / "größe→"
    outputs = []
    for command in ("plan", "submit", "status", "collect"):
        done = subprocess.run(one.words(command), cwd=one.folder, capture_output=True, env=os.environ | ASCII)
        assert done.returncode == 0 and not done.stderr, done
        outputs.append(done.stdout.decode("utf-8"))
    assert "Größe → Zeit?" in outputs[0] and "arm=ü" in outputs[0] and all("größe→" in told for told in outputs[1:])
    assert {row["arm"] for row in rows(one)} == {"→"}
    with h5py.File(one.results / "table.h5") as file:
        assert file.attrs["question"] == "Größe → Zeit?" and set(file["table/arm"].asstr()[()]) == {"→"}
    assert "größe→" in next(one.results.glob("cells/*/launch.sh")).read_text(encoding="utf-8")


def test_a_path_that_is_no_utf_8_is_kept_to_the_byte(sweep):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    one.results = Path(os.fsdecode(os.fsencode(one.folder) + b"/gr\xf6\xdfe"))
    for command in ("submit", "status", "collect"):
        words = [os.fsencode(word) for word in one.words(command)]
        done = subprocess.run(words, cwd=one.folder, capture_output=True)
        assert done.returncode == 0 and not done.stderr and b"/gr\xf6\xdfe" in done.stdout, done


def test_whole_numbers_beyond_64_bits_are_labels_too(sweep):
    one = sweep(f'[sweep.matrix]\narm = [1, {2**70}]\ndata.path = ["ok"]')
    collected(one)
    with h5py.File(one.results / "table.h5") as file:
        assert set(file["table/arm"].asstr()[()]) == {"1", str(2**70)}


def test_report_collects_and_asks_the_figure_kit_for_a_page_of_these_results(sweep, monkeypatch):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]\n[analysis]\nby = ["data.path"]')
    one.call("submit")
    asked = []
    monkeypatch.setattr(
        command_line.subprocess, "run", lambda words: asked.append(words) or subprocess.CompletedProcess(words, 3)
    )
    assert one.call("report").code == 3 and rows(one)
    ((_, *utf8, program, folder, dash_report, dash_out, out),) = asked
    options = [dash_report, dash_out, out]
    assert utf8 == ["-X", "utf8"] and Path(program).is_file() and folder == str(one.results)
    assert options == ["--report", "--out", f"{one.results}/report"]
    assert json.loads((one.results / "manifest.json").read_text())["analysis"] == {"by": ["data.path"]}  # the kit reads it there


def test_a_forced_cell_says_so_and_has_no_loss_in_the_table(sweep):
    one = sweep("[sweep.matrix]\nrouting.forced = ['none', 'even']\n")
    collected(one)
    routing = {row["routing.forced"]: row["routing"] for row in rows(one)}
    assert routing == {"none": "natural", "even": "forced:even"}
    of_losses = [row["routing"] for row in rows(one) if "loss" in row["metric"] or row["metric"] == "cross_entropy"]
    assert of_losses == ["natural"] * 3
    assert {row["routing"] for row in rows(one) if row["metric"] == "payload_bytes"} == {"natural", "forced:even"}


def test_publish_copies_the_small_tables_of_a_report_that_was_written(sweep, monkeypatch, tmp_path):
    one = sweep('[sweep.matrix]\ndata.path = ["ok"]')
    one.call("submit")

    def kit(words):
        report = Path(words[-1])
        report.mkdir(exist_ok=True)
        for name in ("answer.csv", "headline.csv", "provenance.csv", "loss.csv"):
            (report / name).write_text(name)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(command_line.subprocess, "run", kit)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/contrasts.csv").write_text("of an earlier report")
    assert one.call("report", "--publish", tmp_path / "kept").code == 0
    kept = {path.name: path.read_text() for path in (tmp_path / "kept").iterdir()}
    assert kept == {name: name for name in ("answer.csv", "headline.csv", "provenance.csv")}
    into_itself = one.call("report", "--publish", one.results / "report")
    assert into_itself.code == 1 and "is the report's own folder" in into_itself.err
    assert (one.results / "report/answer.csv").is_file()
