"""`compare A B`: what differs, and how far runs of the same computation agree."""

import json
import re
import shutil

import h5py
import numpy as np
import pytest

from program import SMOKE, execute

RUNS = {  # name: (ranks, settings)
    "one": (1, ["train.timing=free"]),
    "again": (1, ["train.timing=free"]),
    "split": (2, ["train.timing=free", "layout.ep=2"]),
    "switch": (1, ["train.timing=free", "gate.kind=switch"]),
    "phased": (1, ["train.timing=phased"]),
}


@pytest.fixture(scope="module")
def folder(packed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    for name, (ranks, settings) in RUNS.items():
        overrides = [word for setting in [f"data.path={packed}", "train.dtype=float64", *settings] for word in ("--set", setting)]
        done = execute("run", SMOKE, *overrides, "--out", f"{name}.h5", ranks=ranks, cwd=folder)
        assert done.code == 0, done
    return folder


def compare(folder, a, b):
    """(the JSON, the text)"""
    outcomes = [execute("compare", a, b, *options, cwd=folder) for options in ([], ["--json"])]
    assert all(outcome.code == 0 and outcome.err == "" for outcome in outcomes), outcomes
    return json.loads(outcomes[1].out), outcomes[0].out


def named(rows):
    return {row["name"]: row for row in rows}


def altered(folder, tmp_path, dataset, index, change):
    """A copy of one.h5 with one changed value, beside the original."""
    for name in ("one.h5", "changed.h5"):
        shutil.copy(folder / "one.h5", tmp_path / name)
    with h5py.File(tmp_path / "changed.h5", "r+") as file:
        file[dataset][index] = change(file[dataset][index])
    return tmp_path


def test_two_launches_of_one_experiment_agree_in_every_bit(folder):
    data, text = compare(folder, "one.h5", "again.h5")
    assert data["same_computation"] and data["same_cell"] and data["agreement"]["steps"] == 4
    assert list(named(data["configuration"])) == ["record.path"] and data["provenance"] == []
    assert all(row["equal"] for row in data["agreement"]["decisions"] + data["agreement"]["values"])
    assert "equal to the last bit" in text and "DIFFERENT" not in text and "provenance: no difference" in text


def test_another_layout_is_the_same_computation_in_another_cell(folder):
    data, text = compare(folder, "one.h5", "split.h5")
    assert data["same_computation"] and not data["same_cell"]
    assert named(data["configuration"])["layout.ep"] == {"name": "layout.ep", "a": 1, "b": 2}
    assert all(row["equal"] for row in data["agreement"]["decisions"])
    assert all(row["largest"] <= 1e-12 for row in data["agreement"]["values"])
    row = named(data["results"])["ep.dispatch.forward"]
    with h5py.File(folder / "split.h5") as file:
        names = [name.decode() for name in file["collective"][()]]
        bytes_ = file["raw/collective_payload_bytes"][:, :, names.index("ep.dispatch.forward")]
    assert row["a"] == 0 and row["b"] == bytes_.sum() / 4 > 0 and row["ratio"] is None
    assert "ep.dispatch.forward (B)" in text


def test_another_gate_is_another_computation(folder):
    data, text = compare(folder, "one.h5", "switch.h5")
    assert not data["same_computation"] and "agreement" not in data
    assert named(data["configuration"])["gate.kind"]["b"] == "switch"
    with h5py.File(folder / "one.h5") as one, h5py.File(folder / "switch.h5") as switch:
        rows = named(data["results"])
        for name, dataset, index in (
            ("cross-entropy in step 3", "raw/loss/cross_entropy", 3),
            ("held-out prose after 4 steps", "raw/eval/loss", (2, 1)),
            ("expert max / mean", "derived/summary/imbalance_expert", 0),
            ("dropped_fraction", "derived/summary/dropped_fraction", 0),
        ):
            a, b = float(one[dataset][index]), float(switch[dataset][index])
            assert (rows[name]["a"], rows[name]["b"], rows[name]["difference"]) == (a, b, b - a)
            assert rows[name]["ratio"] == (b / a if a else None)
    assert "different (computation_keys differ)" in text


def test_what_matters_stands_before_bytes_and_equal_exchanges_in_one_line(folder):
    data, text = compare(folder, "split.h5", "split.h5")
    exchanges = [row for row in data["results"] if row["exchange"]]
    assert len(exchanges) > 5
    order = ["cross-entropy in step 3", "expert max / mean", "\ntimes", "payload of a step (B)", "exchanges with equal payload"]
    places = [text.index(part) for part in order]
    assert places == sorted(places) and not any(row["name"] in text for row in exchanges)
    sums = re.search(rf"  {len(exchanges)} exchanges with equal payload \(B\) +(\d+) +(\d+) +0 +1\n", text)
    assert {int(sums[1]), int(sums[2])} == {sum(row["a"] for row in exchanges)}
    _, text = compare(folder, "one.h5", "split.h5")
    assert "ep.dispatch.forward (B)" in text and "with equal payload" not in text


def test_bytes_that_are_equal_in_each_step_do_not_differ_by_rounding(folder, tmp_path):
    for steps in (3, 4):
        shutil.copy(folder / "split.h5", tmp_path / f"{steps}.h5")
        with h5py.File(tmp_path / f"{steps}.h5", "r+") as file:
            file["steps_done"][()] = steps
            for name in ("raw/collective_payload_bytes", "computed/payload_bytes"):
                file[name][:] = file[name][0] // 10 * 10 + 1
    data, _ = compare(tmp_path, "3.h5", "4.h5")
    rows = [row for row in data["results"] if row["units"] == "B" and not row["name"].startswith("memory")]
    assert len(rows) > 5 and all(row["difference"] == 0 for row in rows)


def test_times_are_shown_without_a_difference_and_only_where_they_mean_something(folder, tmp_path):
    rows = named(compare(folder, "one.h5", "again.h5")[0]["times"]["values"])
    with h5py.File(folder / "one.h5") as file:
        assert rows["step_seconds"]["a"] == file["derived/summary/step_seconds"][0] > 0
    assert "difference" not in rows["step_seconds"] and "ratio" not in rows["step_seconds"]
    data, text = compare(folder, "one.h5", "phased.h5")
    assert data["times"] == {"none": "B is a phased run"} and "step_seconds" not in text
    both = altered(folder, tmp_path, "raw/tokens", 0, lambda tokens: tokens)
    with h5py.File(both / "changed.h5", "r+") as file:
        file.attrs.modify("oversubscribed", np.int64(1))
    assert compare(both, "changed.h5", "one.h5")[0]["times"] == {"none": "A had more threads than cores"}


def test_one_changed_count_is_found_with_its_step(folder, tmp_path):
    both = altered(folder, tmp_path, "raw/expert_tokens_routed", (2, 0, 0), lambda count: count + 1)
    data, text = compare(both, "one.h5", "changed.h5")
    equal = {row["name"]: row["equal"] for row in data["agreement"]["decisions"]}
    assert equal == {"/raw/expert_tokens_routed": False, "/raw/expert_tokens_processed": True, "/raw/eval/expert_tokens": True}
    assert "DIFFERENT, first in step 2" in text


@pytest.mark.parametrize(
    "dataset, index, first", [("raw/loss/total", 1, 1), ("raw/gradient_norm", 3, 3), ("raw/eval/loss", (1, 0), 2)]
)
def test_one_changed_value_is_found_with_its_size(dataset, index, first, folder, tmp_path):
    both = altered(folder, tmp_path, dataset, index, lambda value: value * (1 + 1e-7))
    data, text = compare(both, "one.h5", "changed.h5")
    row = named(data["agreement"]["values"])[f"/{dataset}"]
    assert row["largest"] == pytest.approx(1e-7, rel=1e-6) and row["first"] == first and not row["equal"]
    assert "relative difference at most 1e-07, first in" in text


def test_a_value_that_is_no_number_is_not_called_equal(folder, tmp_path):
    both = altered(folder, tmp_path, "raw/loss/total", 2, lambda value: np.nan)
    row = named(compare(both, "one.h5", "changed.h5")[0]["agreement"]["values"])["/raw/loss/total"]
    assert not row["equal"] and row["first"] == 2 and row["largest"] is None


def test_an_unfinished_run_is_compared_over_its_steps(folder, tmp_path):
    both = altered(folder, tmp_path, "steps_done", (), lambda _: 2)
    data, text = compare(both, "one.h5", "changed.h5")
    assert data["agreement"]["steps"] == 2 and "cross-entropy in step 1" in named(data["results"])
    assert "2 of 4 steps" in text


@pytest.mark.parametrize("a, b, part", [("one.h5", "none.h5", "none.h5: no such file"), ("text", "one.h5", "not an HDF5 file")])
def test_what_is_no_run_file_is_refused(a, b, part, folder):
    (folder / "text").write_text("not HDF5")
    outcome = execute("compare", a, b, cwd=folder)
    assert outcome.code == 1 and outcome.out == "" and len(outcome.errors) == 1 and part in outcome.errors[0], outcome
