"""What the seed decides is compared over seeds, what the machine decides over launches: copies of one seed are one sample."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

import claims
import decided_by
import figures
import style
from comparison import across
from decided_by import MACHINE, SEED
from measures import measure
from synthetic_run import study_of, write_run
from test_figures import run_cli

SCHEMA = Path(__file__).parents[2] / "src/record/schema.cpp"
LOSSES = {"switch": 3.9, "random": 4.4}
BOTH = {"first": {"gate.kind": "random"}, "second": {"gate.kind": "switch"}}


def write_arm(folder, kind, seeds):
    """A launch for each of `seeds`, with its own repeat and time. Those of one seed have the same losses, choices and bytes."""
    paths, originals = [], {}
    for repeat, seed in enumerate(seeds):
        config = {"gate.kind": kind, "train.seed": seed, "record.repeat": repeat}
        speed = {"switch": 1.3, "random": 1.0}[kind]
        created = f"2026-01-01T00:{repeat:02}:00Z"
        path = write_run(folder / f"{kind}.{repeat}.h5", config=config, speed=speed, timing="free", created=created)
        original = originals.setdefault(seed, path)
        with h5py.File(path, "r+") as file, h5py.File(original, "r+") as same:
            for name in ("raw/loss/cross_entropy", "raw/expert_tokens_routed", "derived/imbalance/experts/max_over_mean"):
                file[name][...] = same[name][()]
            for name in ("imbalance_expert", "dropped_fraction"):
                file[f"derived/summary/{name}"][...] = same[f"derived/summary/{name}"][()]
            file["raw/collective_payload_bytes"][...] = same["raw/collective_payload_bytes"][()]
            file["raw/eval/loss"][...] = LOSSES[kind] + 0.01 * seed
        paths.append(path)
    return paths


def study_with(folder, seeds):
    return study_of(path for kind in LOSSES for path in write_arm(folder, kind, seeds))


def contrast(study, *measures):
    study.contrasts = [{"name": name, "measure": name} | BOTH for name in measures]
    return figures.load("contrasts").table(study)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Two gates, six launches of one seed each."""
    return [path for kind in LOSSES for path in write_arm(tmp_path_factory.mktemp(kind), kind, [1] * 6)]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Two gates, one launch of each of six seeds."""
    return [path for kind in LOSSES for path in write_arm(tmp_path_factory.mktemp(kind), kind, range(1, 7))]


OF_THE_SEED = ["held_out_loss", "imbalance_expert", "dropped_fraction", "payload_bytes"]


@pytest.mark.parametrize("name", OF_THE_SEED)
def test_copies_of_one_seed_carry_no_claim_and_the_words_say_what_does(name, copies):
    table = contrast(study_of(copies), name)
    assert table["verdict"].tolist() == ["no claim, 1 seed only: write seeds = 6"]
    assert table["n"].tolist() == [1] and table["samples"].tolist() == ["paired seeds"]
    assert np.isnan(table["low"][0]) and np.isnan(table["high"][0]) and table["p"][0] == 1
    assert "n = 1: too few, one contrast needs 6 seeds" in table.title


def test_the_times_of_copies_are_judged_as_ever(copies):
    table = contrast(study_of(copies), "step_seconds", "held_out_loss")
    assert table["n"].tolist() == [6, 1] and table["samples"].tolist() == ["paired launches", "paired seeds"]
    assert table["p"][0] == pytest.approx(2 / 2**6) and table["high"][0] < 1
    assert table["verdict"].tolist() == [claims.NO_CLAIM, "no claim, 1 seed only: write seeds = 7"]
    assert "n = 6: too few, 2 contrasts need 7 launches, n = 1: too few, 2 contrasts need 7 seeds" in table.title
    alone = contrast(study_of(copies), "step_seconds")
    assert alone["verdict"].tolist() == [claims.CLAIM] and "n = 6; " in alone.title


def test_six_seeds_are_judged_in_pairs(seeds):
    table = contrast(study_of(seeds), "held_out_loss")
    assert table["verdict"].tolist() == [claims.CLAIM] and table["samples"].tolist() == ["paired seeds"]
    assert table["value"][0] == pytest.approx(-0.5) and table["p"][0] == pytest.approx(2 / 2**6) and "n = 6 seeds" in table.title


def test_repeats_of_six_seeds_are_samples_of_times_alone(tmp_path):
    study = study_with(tmp_path, [*range(1, 7), *range(1, 7)])
    table = contrast(study, "held_out_loss", "step_seconds")
    assert table["n"].tolist() == [6, 12] and table["p"][1] == pytest.approx(2 / 2**12)
    assert across(study.arms[0], measure("held_out_loss").of, SEED).n == 6
    assert across(study.arms[0], measure("step_seconds").of, MACHINE).n == 12


def test_arms_without_common_seeds_are_compared_unpaired(tmp_path):
    paths = write_arm(tmp_path, "random", range(1, 7)) + write_arm(tmp_path, "switch", [*range(11, 17), 16])
    table = contrast(study_of(paths), "held_out_loss")
    assert table["samples"].tolist() == ["unpaired seeds"] and table["n"].tolist() == [6]


def test_a_contrast_without_enough_seeds_makes_no_other_easier(copies):
    study = study_of(copies)
    both, alone = contrast(study, "step_seconds", "held_out_loss"), contrast(study, "step_seconds")
    assert both["p_holm"][0] == 2 * alone["p_holm"][0]


ONE_SAMPLE = "n = 1 seed: the launches of one seed are one sample (6 here), no interval"


@pytest.mark.parametrize("name", ["loss", "imbalance", "bytes_by_axis"])
def test_a_figure_of_copies_says_that_they_are_one_sample(name, copies, seeds):
    title = figures.load(name).table(study_of(copies)).title
    assert ONE_SAMPLE in title and "too few for an interval" not in title
    assert "median of seeds, n = 6" in figures.load(name).table(study_of(seeds)).title


def test_the_loss_of_copies_has_no_interval_and_that_of_seeds_has_one(copies, seeds):
    table = figures.load("loss").table(study_of(copies))
    assert set(table["n"]) == {1} and np.isnan(table["low"]).all()
    table = figures.load("loss").table(study_of(seeds))
    of_switch = table.where(configuration="switch")
    last = of_switch.at(np.char.startswith(of_switch["curve"], "held out")).at([-1])
    assert last["n"][0] == 6 and (last["low"][0], last["high"][0]) == pytest.approx((3.91, 3.96))


def test_the_share_dropped_is_of_seeds_too(tmp_path):
    paths = [
        write_run(tmp_path / f"{factor}.{repeat}.h5", config={"capacity.factor": factor, "record.repeat": repeat})
        for factor in (1.0, 2.0)
        for repeat in range(2)
    ]
    table = figures.load("dropped").table(study_of(paths))
    assert table["n"].tolist() == [1, 1] and "one sample (2 here)" in table.title


def test_copies_weigh_no_more_than_their_seed(tmp_path):
    study = study_of(write_arm(tmp_path, "switch", [1, 2, 3, 3, 3, 3]))
    (arm,) = study.arms
    assert across(arm, measure("held_out_loss").of, SEED).value == pytest.approx(3.92)
    assert len(arm.one_of_each_seed()) == 3
    few = study_of([arm.runs[0].path, arm.runs[1].path, arm.runs[2].path])
    for name in ("load_cdf", "imbalance"):
        tables = [figures.load(name).table(one) for one in (study, few)]
        np.testing.assert_array_equal(*(table[table.names[-1]] for table in tables))
        np.testing.assert_array_equal(*(table[table.names[1]] for table in tables))


def test_the_report_counts_seeds_beside_launches(copies, tmp_path):
    for path in copies:
        (tmp_path / path.name).symlink_to(path)
    result = run_cli(tmp_path, "--out", tmp_path / "out", "--report", "--only", "loss")
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<th>launches</th><th>seeds</th>" in page and "<td>6</td><td>1</td><td>0</td></tr>" in page and ONE_SAMPLE in page


def test_words_of_one_launch_each_are_as_they_were(tmp_path):
    assert style.of_seeds([1, 1], [1, 1]) == style.of_launches([1, 1]) == "one launch each: no interval"
    assert figures.load("loss").table(study_of([write_run(tmp_path / "run.h5")])).title.endswith("one launch each: no interval")


def test_every_measure_and_every_summary_of_the_program_says_what_decides_it():
    known = re.findall(r'headline\("(\w+)"', SCHEMA.read_text(encoding="utf-8"))
    assert len(known) >= 4
    for name in [*known, "imbalance_expert", "mfu_stated_executed", "held_out_loss", "payload_bytes", "memory_bytes"]:
        assert decided_by.of(name) in (SEED, MACHINE), name
        assert measure(name).decided_by == decided_by.of(name)
        assert not (measure(name).time and decided_by.of(name) == SEED), name
    assert decided_by.of("memory_bytes/parameters") == SEED and decided_by.of("memory_bytes") == MACHINE
    assert decided_by.of("nothing") == ""
