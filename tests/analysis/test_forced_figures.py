"""Runs whose routing is forced say so wherever they are named, and no loss is drawn from them or compared."""

import pytest

import claims
import figures
from run_file import BadRunFile, NotDrawn, Run
from synthetic_run import study_of, write_arm, write_run

CONTRAST = """
[[contrast]]
name = "forced"
measure = "{}"
first = {{ "routing.forced" = "none" }}
second = {{ "routing.forced" = "even" }}
"""
EVEN = {"routing.forced": "even"}
NONE = {"routing.forced": "none"}


@pytest.fixture(scope="module")
def natural_and_even(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forced")
    natural = write_arm(folder, "natural", 6, NONE, timing="free")
    return natural + write_arm(folder, "even", 6, EVEN, 1.2, timing="free", routing="forced:even")


def test_arms_are_named_by_their_routing(natural_and_even, tmp_path):
    assert [arm.label for arm in study_of(natural_and_even).arms] == ["forced:even", "natural"]
    switch = write_arm(tmp_path, "switch", 1, EVEN | {"gate.kind": "switch"}, timing="free", routing="forced:even")
    several = study_of([*natural_and_even, *switch])
    assert sorted(arm.label for arm in several.arms) == [
        "noisy_top_k, forced:even",
        "noisy_top_k, natural",
        "switch, forced:even",
    ]
    assert [arm.label for arm in study_of(natural_and_even[:6]).arms] == ["all launches"]
    assert [arm.label for arm in study_of(natural_and_even[6:]).arms] == ["forced:even"]


def test_a_name_of_the_sweep_says_that_an_arm_is_forced_and_does_not_repeat_how(natural_and_even):
    labels = {path: {"arm": "before" if number < 6 else "after"} for number, path in enumerate(natural_and_even)}
    assert [arm.label for arm in study_of(natural_and_even, labels=labels).arms] == ["after (forced)", "before"]
    one_name = {path: {"arm": "one"} for path in natural_and_even}
    assert [arm.label for arm in study_of(natural_and_even, labels=one_name).arms] == ["forced:even", "natural"]


def test_a_forced_arm_is_the_baseline_of_none_whose_gate_chose(natural_and_even):
    assert study_of(natural_and_even).baseline().label == "natural"
    assert study_of(natural_and_even[6:]).baseline().label == "forced:even"


def test_a_forced_run_is_marked(natural_and_even):
    assert Run(natural_and_even[0]).marks() == [] and Run(natural_and_even[6]).marks() == ["routing forced:even"]


def test_the_loss_is_drawn_of_natural_runs_alone(natural_and_even):
    table = figures.load("loss").table(study_of(natural_and_even))
    assert table.distinct("configuration") == ["natural"]
    with pytest.raises(NotDrawn, match="routing of every run is forced"):
        figures.load("loss").table(study_of(natural_and_even[6:]))


def test_no_parts_of_a_loss_are_drawn_of_a_forced_run(tmp_path):
    run = Run(write_run(tmp_path / "run.h5", config=EVEN, routing="forced:even"))
    with pytest.raises(NotDrawn, match="its routing is forced:even, so no loss is drawn from it"):
        figures.load("loss_parts").table(run)


def test_a_contrast_of_losses_is_refused_and_one_of_times_is_judged(natural_and_even, tmp_path):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(CONTRAST.format("step_seconds"))
    (judged,), absent = claims.of(study_of(natural_and_even, sweep=sweep))
    assert judged.verdict == claims.CLAIM and not absent
    for measure in ("held_out_loss", "perplexity", "bits_per_byte"):
        sweep.write_text(CONTRAST.format(measure))
        with pytest.raises(BadRunFile, match=f'"forced" is about {measure}, and no loss is compared of forced:even'):
            claims.of(study_of(natural_and_even, sweep=sweep))
