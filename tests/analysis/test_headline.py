"""The table that a report begins with: medians over the right samples, and bold only where a declared contrast was won."""

import csv
import math

import h5py
import numpy as np
import pytest

import headline
import headline_cells
import headline_latex
import headline_page
import looks
import measures
from run_file import NotDrawn
from synthetic_run import study_of, write_arm, write_run
from test_figures import run_cli, steady

FASTER = {
    "name": "switch against random",
    "measure": "tokens_per_second",
    "first": {"gate.kind": "random"},
    "second": {"gate.kind": "switch"},
}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    random = write_arm(folder, "random", 6, {"gate.kind": "random"}, timing="free")
    return [*random, *write_arm(folder, "switch", 6, {"gate.kind": "switch"}, 2.0, timing="free")]


def rows(study, **values):
    table = headline.table(study)
    return table.where(**values) if values else table


def test_numbers_are_those_of_the_file_or_another_scale_of_them(tmp_path):
    path = write_run(tmp_path / "run.h5", timing="free")
    study = study_of([path])
    told = dict(zip(rows(study)["measure"], rows(study)["value"], strict=True))
    with h5py.File(path) as file:
        loss = file["raw/eval/loss"][-1].mean()
        summary = {name: data[0] for name, data in file["derived/summary"].items()}
        sent = steady(path, "raw/collective_payload_bytes").sum(axis=0)
    assert told["held_out_loss"] == loss and told["bits_per_byte"] == loss / math.log(2)
    assert told["perplexity"] == pytest.approx(math.exp(loss), rel=1e-14)
    assert told["payload_bytes_per_token/ep"] == pytest.approx((sent[2] + sent[3]) / 1024, rel=1e-14)
    for name in ("imbalance_expert", "imbalance_rank", "dropped_fraction", "tokens_per_second", "step_seconds"):
        assert told[name] == summary[name]
    assert told["mfu_measured_megatron_causal"] == summary["mfu_measured_megatron_causal"]
    assert not any(name.startswith("mfu_stated") for name in told)  # no peak was stated
    assert "payload_bytes_per_token/etp" not in told  # nobody sends anything over it


def test_copies_of_one_seed_are_one_sample_and_launches_six(two):
    loss, speed = (rows(study_of(two), measure=name) for name in ("held_out_loss", "tokens_per_second"))
    assert loss["n"].tolist() == [1, 1] and np.isnan(loss["low"]).all() and set(loss["of"]) == {"seeds"}
    assert speed["n"].tolist() == [6, 6] and (speed["low"] < speed["value"]).all() and set(speed["of"]) == {"launches"}


def test_the_best_is_bold_only_where_it_won_a_declared_contrast(two):
    study = study_of(two)
    assert not rows(study)["best"].any() and "no contrast was declared" in headline.table(study).title
    study.contrasts = [FASTER]
    best = rows(study, best=True)
    assert best["measure"].tolist() == ["tokens_per_second"] and best["configuration"].tolist() == ["switch"]
    study.contrasts = [FASTER | {"measure": "step_seconds", "first": FASTER["second"], "second": FASTER["first"]}]
    assert rows(study, best=True)["configuration"].tolist() == ["switch"]
    study.contrasts = [FASTER | {"measure": "held_out_loss"}]
    assert not rows(study)["best"].any()  # one seed


def test_the_winner_of_a_contrast_is_not_bold_where_a_third_is_better(two, tmp_path):
    third = write_arm(tmp_path, "uniform", 6, {"gate.kind": "uniform"}, 4.0, timing="free")
    study = study_of([*two, *third])
    study.contrasts = [FASTER]
    assert not rows(study)["best"].any()


def test_the_time_of_a_step_is_not_bold_where_steps_are_of_unlike_numbers_of_tokens(tmp_path):
    small = write_arm(tmp_path, "small", 7, {"batch.sequences": 4}, 2.0, timing="free")
    study = study_of([*small, *write_arm(tmp_path, "large", 7, {"batch.sequences": 8}, timing="free")])
    sides = {"first": {"batch.sequences": 4}, "second": {"batch.sequences": 8}}
    study.contrasts = [
        {"name": "time", "measure": "step_seconds"} | sides,
        {"name": "speed", "measure": "tokens_per_second"} | sides,
    ]
    assert rows(study, best=True)["measure"].tolist() == ["tokens_per_second"]


def test_a_loss_that_is_won_makes_its_other_scales_bold(tmp_path):
    paths = [
        write_run(tmp_path / f"{kind}{seed}.h5", config={"gate.kind": kind, "train.seed": seed}, timing="free")
        for kind in ("random", "switch")
        for seed in range(6)
    ]
    for path in paths:
        with h5py.File(path, "a") as file:
            file["raw/eval/loss"][...] += 1.0 if "random" in path.name else 0.0
    study = study_of(paths)
    study.contrasts = [FASTER | {"measure": "held_out_loss"}]
    best = rows(study, best=True)
    assert best["measure"].tolist() == ["held_out_loss", "perplexity", "bits_per_byte"]
    assert set(best["configuration"]) == {"switch"}


def test_oversubscribed_runs_have_counts_and_no_times(tmp_path):
    told = set(rows(study_of([write_run(tmp_path / "run.h5", timing="free", oversubscribed=1)]))["measure"])
    assert "imbalance_expert" in told and not told & {"tokens_per_second", "step_seconds"}


def test_a_run_without_an_evaluation_has_the_other_numbers(tmp_path):
    path = write_run(tmp_path / "run.h5", timing="free")
    with h5py.File(path, "a") as file:
        file["raw/eval/at_step"][...] = -1
    told = set(rows(study_of([path]))["measure"])
    assert "perplexity" not in told and "imbalance_expert" in told
    assert math.isnan(measures.measure("held_out_loss").of_or_nan(study_of([path]).runs[0]))


def test_a_file_of_an_earlier_version_lacks_a_number_and_no_more(tmp_path):
    path = write_run(tmp_path / "run.h5", timing="free")
    with h5py.File(path, "a") as file:
        del file["derived/summary/imbalance_rank"]
    told = set(rows(study_of([path]))["measure"])
    assert "imbalance_rank" not in told and "imbalance_expert" in told


def test_all_of_it_stands_in_csv_latex_and_html(two, tmp_path):
    study = study_of(two)
    study.contrasts = [FASTER]
    table = headline.table(study)
    table.write_csv(tmp_path / "headline.csv")
    told = list(csv.DictReader((tmp_path / "headline.csv").read_text().splitlines()))
    assert [float(row["value"]) for row in told] == table["value"].tolist()
    headline_latex.write(tmp_path / "headline.tex", table)
    latex, page = (tmp_path / "headline.tex").read_text(), "\n".join(headline_page.lines(table))
    for panel in table.distinct("panel"):
        for column in headline_cells.columns(table.where(panel=panel)):
            for cell in column.cells:
                assert f"<b>{cell.value}</b>" in page if cell.best else cell.value in page
                assert cell.value.replace(",", "{,}") in latex and cell.interval in page
    assert latex.count("\\textbf{") == 1 and latex.count("\\toprule") == latex.count("\\bottomrule") == 3


def test_units_suit_the_numbers():
    assert headline_cells._scale(np.array([2.5e7, 1.0]), "B") == (1e6, "MB")
    assert headline_cells._scale(np.array([0.02, np.nan]), "s") == (1e-3, "ms")
    assert headline_cells._scale(np.array([90.0]), "s") == (1, "s")
    assert headline_cells._scale(np.array([2e6]), "token/s") == (1, "token/s")
    assert headline_cells._scale(np.array([0.3]), "B") == (1, "B")


def test_the_axes_of_measures_are_those_of_figures():
    assert set(measures.AXES) == set(looks.AXES)


def test_figures_write_it_beside_them(two, tmp_path):
    result = run_cli(*two, "--out", tmp_path / "all")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "all/headline.csv").is_file() and (tmp_path / "all/headline.tex").is_file()
    run_cli(*two, "--out", tmp_path / "one", "--only", "loss")
    assert not (tmp_path / "one/headline.csv").exists()


def test_no_number_at_all_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(headline, "PANELS", {"nothing": ("step_seconds",)})
    with pytest.raises(NotDrawn, match="no configuration has any number"):
        headline.table(study_of([write_run(tmp_path / "run.h5", timing="phased")]))
