"""Intervals over recorded launches of one configuration cover what they say, and few differences are seen where there is none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import interval_coverage
from run_file import BadRunFile
from synthetic_run import study_of, write_arm

ROOT = Path(__file__).parents[2]
RECORDED = sorted((ROOT / "experiments" / "equal_launches").glob("*.csv"))


@pytest.fixture(params=RECORDED, ids=lambda path: path.stem)
def recorded(request):
    return interval_coverage.read(request.param)


def test_launches_on_a_busy_and_on_a_quiet_machine_were_recorded():
    assert [path.stem for path in RECORDED] == ["busy", "quiet"]
    assert all(len(arm) == 120 for path in RECORDED for arm in interval_coverage.read(path))


def test_intervals_over_launches_drawn_from_those_recorded_cover_95_of_100(recorded):
    for part in interval_coverage.drawn(*recorded, 6):
        assert part.high >= 0.95 and part.n == interval_coverage.DRAWS


def test_equal_arms_are_told_apart_no_more_often_than_chance_allows(recorded):
    claimed = interval_coverage.in_a_row(*recorded, 6)[2]
    assert claimed.low <= 0.05 and claimed.n == 20


def test_an_interval_that_is_too_narrow_is_found_out(recorded, monkeypatch):
    full = interval_coverage.median

    def half(values):
        estimate = full(values)
        return type(estimate)(estimate.value, *(np.array([estimate.low, estimate.high]) + estimate.value) / 2, estimate.n)

    monkeypatch.setattr(interval_coverage, "median", half)
    assert interval_coverage.drawn(*recorded, 6)[0].high < 0.95


def test_arms_that_differ_are_told_apart(recorded):
    first, second = recorded
    assert interval_coverage.in_a_row(first, 10 * second, 6)[2].value > 0.5


def test_the_one_pair_of_equal_arms_of_a_sweep_is_read_and_kept(tmp_path):
    paths = [write_arm(tmp_path, name, 6, timing="free") for name in ("first", "second")]
    labels = {path: {"arm": name} for name, arm in zip(("first", "second"), paths, strict=True) for path in arm}
    study = study_of([*paths[0], *paths[1]], labels=labels)
    both = interval_coverage.of_study(study)
    assert both[1].tolist() == [run.summary("step_seconds")[0] for run in study.arms[1].runs]
    interval_coverage.write(tmp_path / "kept.csv", *both)
    assert all(map(np.array_equal, interval_coverage.read(tmp_path / "kept.csv"), both))
    with pytest.raises(BadRunFile, match="0 pairs of arms have one configuration"):
        interval_coverage.of_study(study_of(paths[0]))


def test_the_command_prints_a_line_for_each_n(tmp_path):
    first, second = (arm[:7] for arm in interval_coverage.read(RECORDED[0]))
    interval_coverage.write(tmp_path / "few.csv", first, second)
    command = [sys.executable, str(ROOT / "analysis" / "interval_coverage.py"), str(tmp_path / "few.csv")]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert [line.split()[0] for line in told.stdout.splitlines()[1:]] == ["n", "6", "7"]
    interval_coverage.write(tmp_path / "few.csv", first[:5], second[:5])
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 1 and "5 launches of an arm; coverage is tried from six on" in told.stderr
