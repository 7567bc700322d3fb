"""Launches are sorted into arms by what differs between their configurations, and compared arm with arm."""

import math

import numpy as np
import pytest

import answers
import claims
import effects
import figures
import style
from comparison import across, compare
from decided_by import MACHINE
from measures import measure
from run_file import BadRunFile, NotDrawn
from synthetic_run import study_of, write_arm, write_run

LABELS = ["noisy_top_k", "random", "switch"]


def labels(study):
    return [arm.label for arm in study.arms]


def speed(run):
    return measure("tokens_per_second").of(run)


def test_launches_that_differ_in_seed_or_repeat_are_one_arm(gates):
    study = study_of(gates)
    assert study.keys == ["gate.kind"]
    assert labels(study) == LABELS
    assert [len(arm.runs) for arm in study.arms] == [6, 6, 6]
    assert [run.config["record.repeat"] for run in study.arms[0].runs] == list(range(6))


def test_keys_that_change_together_are_named_once(sizes):
    study = study_of(sizes)
    assert study.varied == ["batch.sequences", "layout.dp", "layout.ranks"]
    assert study.keys == ["layout.ranks", "batch.sequences"]
    assert labels(study)[:2] == ["ranks 1, sequences 8", "ranks 2, sequences 8"]


def test_losses_are_told_by_kind_and_key_and_not_where_the_gate_tells_them(tmp_path):
    def with_loss(name, gate, **weights):
        loss = {kind: {"weight": weight, "pool": "sequence"} for kind, weight in weights.items()}
        return write_run(tmp_path / f"{name}.h5", config={"gate.kind": gate, "gate.loss": loss})

    light, heavy = with_loss("light", "noisy_top_k", cv_squared=0.01), with_loss("heavy", "noisy_top_k", cv_squared=0.1)
    none = with_loss("none", "noisy_top_k")
    assert labels(study_of([light, heavy])) == ["cv_squared weight 0.01", "cv_squared weight 0.1"]
    assert labels(study_of([light, none])) == ["cv_squared weight 0.01", "cv_squared weight -"]
    switch, random = with_loss("switch", "switch", switch=0.01), with_loss("random", "random")
    assert labels(study_of([light, switch, random])) == ["noisy_top_k", "random", "switch"]
    both = with_loss("both", "noisy_top_k", cv_squared=0.1, router_z=0.001)
    assert labels(study_of([heavy, both])) == ["router_z weight 0.001", "router_z weight -"]


def test_another_build_or_number_of_threads_is_another_arm(tmp_path):
    paths = [write_run(tmp_path / f"{threads}.h5", threads_per_rank=threads) for threads in ("1", "2")]
    assert labels(study_of(paths)) == ["threads 1", "threads 2"]


def test_arms_that_the_given_keys_do_not_tell_apart_are_numbered(sizes):
    assert labels(study_of(sizes, keys=["layout.ranks"]))[:3] == ["ranks 1", "ranks 2 (1)", "ranks 2 (2)"]


def test_a_method_keeps_its_colour_in_every_study_and_no_two_arms_share_one():
    style.name_arms(["switch", "ranks 4", "ranks 8"])
    assert style.arm("switch") == style.METHODS["switch"]
    style.name_arms([f"arm {number}" for number in range(30)] + ["random"])
    assert len({style.arm(f"arm {number}") for number in range(30)} | {style.arm("random")}) == 31


def test_an_arm_that_alone_has_a_gate_looks_like_it_and_no_other_has_its_colour(tmp_path):
    gates = {"usual": "noisy_top_k", "quiet": "noisy_top_k", "f x P": "mixtral", "bias": "deepseek_v3"}
    told = {write_run(tmp_path / f"{name}.h5", config={"gate.kind": gate}): {"arm": name} for name, gate in gates.items()}
    study = study_of(told, labels=told)
    study.contrasts = [{"first": {"arm": "usual"}}]
    assert study.named_baseline() == "usual" and study.gates() == {key: gates[key] for key in ("usual", "f x P", "bias")}
    style.name_arms([arm.label for arm in study.arms], study.gates())
    assert {label: style.arm(label) for label in study.gates()} == {label: style.METHODS[gates[label]] for label in study.gates()}
    assert len({style.arm(name)[0] for name in gates}) == len(gates)


def test_a_phased_launch_explains_free_ones_of_its_configuration_and_is_in_no_comparison(tmp_path):
    free = write_arm(tmp_path, "free", 6, {"gate.kind": "switch"}, timing="free")
    phased = write_arm(tmp_path, "phased", 1, {"gate.kind": "switch"}, 9.0, timing="phased")
    alone = write_arm(tmp_path, "alone", 1, {"gate.kind": "random"}, timing="phased")
    labels_of_sweep = {path: {"study": "again" if number % 2 else "first"} for number, path in enumerate(free + phased)}
    study = study_of([*free, *phased, *alone], ["study", "gate.kind"], labels=labels_of_sweep)
    told = {arm.label: ([run.path for run in arm.runs], [run.path for run in arm.explaining]) for arm in study.arms}
    assert told == {
        "study -, random": (alone, []),
        "again, switch": (free[1::2], phased),
        "first, switch": (free[::2], phased),
    }
    assert [run.path for run in study.explaining] == phased
    assert [arm.label for arm in study_of([*free, *phased], ["train.timing"]).arms] == ["free", "phased"]


def test_an_arms_number_is_the_median_of_its_launches(gates):
    arm = study_of(gates).arms[2]
    estimate = across(arm, speed, MACHINE)
    values = sorted(speed(run) for run in arm.runs)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (np.median(values), values[0], values[-1], 6)


def test_launches_are_paired_by_seed_and_repeat_where_both_arms_have_them(tmp_path):
    first = write_arm(tmp_path, "first", 6, {"gate.kind": "switch"}, timing="free")
    second = write_arm(tmp_path, "second", 7, {"gate.kind": "random"}, timing="free")[::-1]
    random, switch = study_of([*second, *first]).arms
    effect = compare(switch, random, measure("tokens_per_second"))
    logs = [math.log(speed(random.runs[i]) / speed(switch.runs[i])) for i in range(6)]
    assert effect.paired and effect.estimate.n == 6
    assert (effect.estimate.low, effect.estimate.high) == pytest.approx((math.exp(min(logs)), math.exp(max(logs))), rel=1e-12)


def test_launches_without_partners_are_compared_unpaired(tmp_path):
    first = [write_run(tmp_path / f"a{i}.h5", config={"gate.kind": "switch"}, timing="free") for i in range(6)]
    second = write_arm(tmp_path, "b", 6, {"gate.kind": "random"}, 2.0, timing="free")
    random, switch = study_of([*first, *second]).arms
    effect = compare(switch, random, measure("tokens_per_second"))
    assert not effect.paired and effect.estimate.p < 0.01
    assert 1.9 < effect.estimate.low <= effect.estimate.value <= effect.estimate.high < 2.1


def test_three_launches_make_no_claim_however_far_apart(tmp_path):
    paths = write_arm(tmp_path, "a", 3, {"gate.kind": "switch"}, 1, timing="free")
    paths += write_arm(tmp_path, "b", 3, {"gate.kind": "random"}, 9, timing="free")
    random, switch = study_of(paths).arms
    table = effects.table([claims.Comparison("random", measure("step_seconds"), switch, random)], "test")
    assert table["verdict"].tolist() == [claims.NO_CLAIM]
    assert math.isnan(table["low"][0]) and table["n"].tolist() == [3]
    assert "too few, one contrast needs 6" in table.title


def test_times_of_oversubscribed_launches_are_no_measure(tmp_path):
    crowded = study_of([write_run(tmp_path / "crowded.h5", timing="free", oversubscribed=1)])
    assert math.isnan(measure("step_seconds").of(crowded.runs[0]))
    assert measure("payload_bytes").of(crowded.runs[0]) > 0
    with pytest.raises(NotDrawn, match="more threads than cores"):
        crowded.arms_for_times()


def test_measures_are_the_numbers_of_the_file(run_path):
    (run,) = study_of([run_path]).runs
    assert measure("imbalance_rank").of(run) == run.array("derived/summary/imbalance_rank")[0]
    assert measure("held_out_loss").of(run) == run.array("raw/eval/loss")[-1].mean()
    assert measure("memory_bytes").of(run) == run.array("raw/memory_bytes").max()
    assert measure("payload_bytes").of(run) == run.array("raw/collective_payload_bytes")[2:].sum() / 8
    with pytest.raises(BadRunFile, match="no measure steps_seconds; is step_seconds meant"):
        measure("steps_seconds")


@pytest.fixture
def two_gates(tmp_path):
    speeds = {"switch": 1.0, "random": 2.0}
    return study_of(
        path for kind, speed in speeds.items() for path in write_arm(tmp_path, kind, 6, {"gate.kind": kind}, speed, timing="free")
    )


def test_a_contrast_without_launches_is_named_and_counts_in_the_adjustment(two_gates):
    arms = {"first": {"gate.kind": "switch"}, "second": {"gate.kind": "random"}}
    study = two_gates
    study.contrasts = [{"name": "there", "measure": "step_seconds"} | arms]
    alone = figures.load("contrasts").table(study)
    study.contrasts.append({"name": "away", "measure": "step_seconds"} | arms | {"second": {"gate.kind": "uniform"}})
    both = figures.load("contrasts").table(study)
    assert both["p_holm"][0] == 2 * alone["p_holm"][0] and "away: no launches" in both.title and len(both) == 1
    assert (alone["verdict"][0], both["verdict"][0]) == (claims.CLAIM, claims.NO_CLAIM)


@pytest.mark.parametrize(("least", "verdict"), [(0.9, claims.CLAIM), (1.1, claims.TOO_SMALL)])
def test_a_difference_below_the_smallest_effect_that_was_declared_is_not_claimed(two_gates, least, verdict):
    """Twice as fast: the larger time is one more than the smaller, whichever side is first."""
    for first, second in (("switch", "random"), ("random", "switch")):
        sides = {"first": {"gate.kind": first}, "second": {"gate.kind": second}}
        two_gates.contrasts = [{"name": "speed", "measure": "step_seconds", "smallest_effect": least} | sides]
        (judged,), absent = claims.of(two_gates)
        assert judged.verdict == verdict and not absent
        assert (judged.winner() is None) == (verdict == claims.TOO_SMALL)
        ((_, _, sentence),) = answers.sentences(two_gates)
        assert sentence.endswith(f"; declared to be of account from {1 + least:.4g} times on.")


@pytest.mark.parametrize("least", ["0.03", -1, math.nan, math.inf, True])
def test_a_smallest_effect_that_is_no_size_is_refused_by_name(two_gates, least):
    sides = {"first": {"gate.kind": "switch"}, "second": {"gate.kind": "random"}}
    two_gates.contrasts = [{"name": "speed", "measure": "step_seconds", "smallest_effect": least} | sides]
    with pytest.raises(BadRunFile, match=r"smallest_effect = .* must be a finite number of at least 0"):
        claims.of(two_gates)


def test_where_contrasts_are_declared_the_speedups_claim_nothing(two_gates):
    study = two_gates
    free = figures.load("speedup").table(study)
    assert set(free["verdict"]) == {claims.CLAIM} and free.title.endswith(effects.FILLED)
    study.contrasts = [{"name": "another"}]
    table = figures.load("speedup").table(study)
    assert set(table["verdict"]) == {claims.UNDECLARED} and table.title.endswith(effects.OPEN)


def test_a_baseline_and_contrasts_come_from_the_sweep_file(gates, tmp_path):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text('[analysis]\nbaseline = {"gate.kind" = "switch"}\n[[contrast]]\nname = "x"\n')
    study = study_of(gates, sweep=sweep)
    assert study.baseline().label == "switch"
    with pytest.raises(BadRunFile, match="lacks measure"):
        claims.declared(study)
    with pytest.raises(BadRunFile, match="0 of 3 configurations have"):
        study.arm({"gate.kind": "nowhere"})


def test_without_a_declared_baseline_it_is_the_first_side_of_most_contrasts(gates):
    study = study_of(gates)
    assert study.baseline().label == "noisy_top_k"
    sides = (("switch", "random"), ("random", "noisy_top_k"), ("switch", "noisy_top_k"))
    study.contrasts = [{"first": {"gate.kind": first}, "second": {"gate.kind": second}} for first, second in sides]
    assert study.baseline().label == study.named_baseline() == "switch"
    study.contrasts = study.contrasts[:2]
    assert study.named_baseline() == ""


def test_beside_a_label_no_key_stands_that_the_label_and_the_others_tell(tmp_path):
    """As pools of ranks: a part of the batch for each rank, or one of all."""
    cells = [("own", 1, 16), ("own", 2, 8), ("all", 1, 32), ("all", 2, 32)]
    told = {}
    for habit, ranks, factor in cells:
        path = write_run(tmp_path / f"{habit}{ranks}.h5", config={"layout.ranks": ranks, "capacity.factor": factor})
        told[path] = {"habit": habit}
    assert labels(study_of(told, labels=told)) == ["ranks 1, all", "ranks 1, own", "ranks 2, all", "ranks 2, own"]


def test_a_sweep_file_that_is_not_toml_is_named(gates, tmp_path):
    (tmp_path / "sweep.toml").write_text("a = = b")
    with pytest.raises(BadRunFile, match=r"sweep\.toml: not a TOML file"):
        study_of(gates, sweep=tmp_path / "sweep.toml")


def test_marks_say_of_how_many_launches_they_are_true(tmp_path):
    paths = [write_run(tmp_path / "a.h5", dirty="true"), write_run(tmp_path / "b.h5")]
    assert study_of(paths).marks() == ["uncommitted changes in the build (1 of 2 launches)"]
