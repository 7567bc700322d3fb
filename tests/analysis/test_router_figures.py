"""What routers do: the figures gate_comparison, forced_vs_natural, co_activation, confidence and collapse."""

import h5py
import numpy as np
import pytest

import figures
import headline
import lettering
import style
from layout import faults
from load import lift
from measures import measure
from run_file import NotDrawn, Run
from synthetic_run import EXPERTS, PHASES, ROUTERS, WARM_UP, study_of, write_arm, write_run
from test_figures import of_run

CONTRAST = """
[[contrast]]
name = "switch drops less"
measure = "{}"
first = {{"gate.kind" = "noisy_top_k"}}
second = {{"gate.kind" = "switch"}}
"""


@pytest.fixture(scope="module")
def seeded_gates(tmp_path_factory):
    """Six seeds of two gates, and six phased launches of each; switch drops less."""
    folder = tmp_path_factory.mktemp("seeded")
    paths = []
    for kind, dropped in (("noisy_top_k", 0.5), ("switch", 0.1)):
        for seed in range(1, 7):
            (path,) = write_arm(folder, f"{kind}{seed}", 1, {"gate.kind": kind, "train.seed": seed}, timing="free")
            with h5py.File(path, "r+") as file:
                file["derived/summary/dropped_fraction"][:] = dropped + seed / 100
            paths.append(path)
        paths += write_arm(folder, f"{kind} phased", 6, {"gate.kind": kind, "train.seed": 1})
    return paths


def gate_comparison(study):
    table = figures.load("gate_comparison").table(study)
    figure = figures.draw("gate_comparison", table)
    style.caption(figure, table.title, [], lettering.key(table))
    return table, figure


def test_gates_are_compared_by_medians_over_seeds_and_the_gate_by_phased_launches(seeded_gates):
    study = study_of(seeded_gates)
    table, figure = gate_comparison(study)
    assert table.distinct("measure") == [*figures.load("gate_comparison").MEASURES] and len(figure.axes) == 5
    dropped = table.where(measure="dropped_fraction", configuration="switch")
    assert dropped["value"][0] == pytest.approx(0.1 + 0.035) and dropped["n"].tolist() == [6]
    assert (dropped["low"][0], dropped["high"][0]) == (pytest.approx(0.11), pytest.approx(0.16))
    (arm,) = (arm for arm in study.arms if arm.label == "switch")
    cost = [measure("gate_seconds_per_token").of(run) for run in arm.explaining]
    of_gate = table.where(measure="gate_seconds_per_token", configuration="switch")
    assert of_gate["value"][0] == np.median(cost) and of_gate["of"].tolist() == ["launches"]
    line = figure.axes[1].containers[1].lines[0]
    assert line.get_xdata().tolist() == [100 * dropped["value"][0]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["noisy_top_k", "switch"]


def test_an_arm_is_filled_where_a_declared_contrast_was_won(seeded_gates, tmp_path):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(CONTRAST.format("dropped_fraction"))
    table, figure = gate_comparison(study_of(seeded_gates, sweep=sweep))
    better = table.at(table["better"])
    assert list(zip(better["measure"], better["configuration"], strict=True)) == [("dropped_fraction", "switch")]
    fills = [container.lines[0].get_markerfacecolor() != "white" for axes in figure.axes for container in axes.containers]
    assert fills.count(True) == 1 and figure.axes[1].containers[1].lines[0].get_markerfacecolor() != "white"
    assert "filled: better side" in table.title and "no contrast" in gate_comparison(study_of(seeded_gates))[0].title


def test_what_no_gate_does_or_nobody_measured_has_no_panel(tmp_path):
    paths = [path for kind in ("switch", "random") for path in write_arm(tmp_path, kind, 1, {"gate.kind": kind}, timing="free")]
    for path in paths:
        with h5py.File(path, "r+") as file:
            file["derived/summary/dropped_fraction"][:] = 0
    table, _ = gate_comparison(study_of(paths))
    assert table.distinct("measure") == ["imbalance_expert", "payload_bytes_per_token", "held_out_loss"]


@pytest.fixture(scope="module")
def forced_and_natural(tmp_path_factory):
    """Six free launches each of a gate, and of forced choices in its place, which are 1.25 times as fast and send half."""
    folder = tmp_path_factory.mktemp("forced")
    natural = write_arm(folder, "natural", 6, timing="free")
    even = write_arm(folder, "even", 6, {"routing.forced": "even"}, timing="free", routing="forced:even")
    for one, other in zip(natural, even, strict=True):
        with h5py.File(one) as of_gate, h5py.File(other, "r+") as file:
            file["derived/summary/step_seconds"][:] = of_gate["derived/summary/step_seconds"][()] / 1.25
            file["raw/collective_payload_bytes"][...] = of_gate["raw/collective_payload_bytes"][()] / 2
    return natural + even


def forced_vs_natural(study):
    table = figures.load("forced_vs_natural").table(study)
    return table, figures.draw("forced_vs_natural", table)


def test_forced_runs_are_told_as_ratios_to_the_natural_ones(forced_and_natural):
    table, figure = forced_vs_natural(study_of(forced_and_natural))
    assert table.distinct("measure") == ["step_seconds", "payload_bytes_per_token", "imbalance_rank"]  # nobody knows a wait
    assert table.distinct("configuration") == ["forced:even"]
    seconds = table.where(measure="step_seconds")
    assert seconds["value"][0] == pytest.approx(1 / 1.25) and seconds["n"].tolist() == [6]
    assert table.where(measure="payload_bytes_per_token")["value"][0] == pytest.approx(0.5, abs=0.01)
    assert figure.axes[0].containers[0].lines[0].get_xdata().tolist() == seconds["value"].tolist()
    assert not table["claimed"].any()


def test_a_forced_arm_is_filled_where_a_declared_contrast_claims_a_difference(forced_and_natural, tmp_path):
    labels = {path: {"routed": "by the gate" if number < 6 else "evenly"} for number, path in enumerate(forced_and_natural)}
    sweep = tmp_path / "sweep.toml"
    sides = 'first = {routed = "by the gate"}\nsecond = {routed = "evenly"}'
    sweep.write_text(f'[[contrast]]\nname = "even is faster"\nmeasure = "step_seconds"\n{sides}\n')
    table, figure = forced_vs_natural(study_of(forced_and_natural, labels=labels, sweep=sweep))
    assert table.at(table["claimed"])["measure"].tolist() == ["step_seconds"]
    assert figure.axes[0].containers[0].lines[0].get_markerfacecolor() != "white"


def test_the_time_that_rows_predict_stands_beside_the_measured_one(tmp_path):
    """Experts are 0.3 of a step of the natural arm's phased launch; the busiest rank of the forced arm has 0.8 of its rows."""
    natural = write_arm(tmp_path, "natural", 1, timing="free")
    phased = write_arm(tmp_path, "phased", 1)
    even = write_arm(tmp_path, "even", 1, {"routing.forced": "even"}, timing="free", routing="forced:even")
    with h5py.File(phased[0], "r+") as file:
        file["raw/step_seconds"][...] = 0.1
        file["raw/phase_seconds"][..., PHASES.index("experts")] = [0.01, 0.03, 0.02, 0.01]
    for path, rows in ((natural[0], [40, 50, 60, 50]), (even[0], [48, 48, 48, 48])):
        with h5py.File(path, "r+") as file:
            file["raw/rank_rows"][...] = rows
    table, figure = forced_vs_natural(study_of([*natural, *phased, *even]))
    assert table.where(measure="step_seconds")["predicted"] == pytest.approx([1 + 0.3 * (0.8 - 1)])
    assert figure.axes[0].lines[1].get_xdata() == pytest.approx([0.94])
    assert np.isnan(table.where(measure="imbalance_rank")["predicted"]).all() and "black bar: predicted" in table.title
    unexplained = figures.load("forced_vs_natural").table(study_of([*natural, *even]))
    assert np.isnan(unexplained["predicted"]).all() and "no time predicted" in unexplained.title


def test_without_a_natural_run_beside_it_nothing_is_said_of_a_forced_one(forced_and_natural, tmp_path):
    other = write_arm(tmp_path, "other", 1, {"batch.sequences": 16}, timing="free")
    for paths in (forced_and_natural[6:], forced_and_natural[:6], [*forced_and_natural[6:], *other]):
        with pytest.raises(NotDrawn, match="no configuration whose routing is forced has one beside it"):
            forced_vs_natural(study_of(paths))


def test_no_held_out_loss_of_forced_routing_is_compared(forced_and_natural):
    table, _ = gate_comparison(study_of(forced_and_natural))
    losses = table.where(measure="held_out_loss")
    assert np.isnan(losses.where(configuration="forced:even")["value"]).all()
    assert np.isfinite(losses.where(configuration="natural")["value"]).all()


def test_lift_is_1_where_loads_alone_decide_and_above_where_two_meet_more_often():
    loads = np.array([40.0, 10, 20, 30])
    pairs = np.where(np.eye(4, dtype=bool), loads, loads[:, None] * loads / 7)
    np.testing.assert_allclose(lift(pairs)[~np.eye(4, dtype=bool)], 1)
    assert np.isnan(np.diag(lift(np.stack([pairs, pairs]))[1])).all()
    # Three experts of one load: 2 of 4 tokens go to the first two, 1 each to the other pairs.
    assert lift([[3, 2, 1], [2, 3, 1], [1, 1, 2]])[0, 1] == pytest.approx((2 / 4) / (9 / 21))
    assert np.isnan(lift(np.diag([3, 4, 5]))).all()


def test_co_activation_is_the_lift_of_the_detail_steps_after_warm_up(run_path):
    table, figure = of_run("co_activation", run_path)
    with h5py.File(run_path) as file:
        pairs = file["raw/expert_pairs"][()].astype(float)
        steady = file["detail_step"][()] >= WARM_UP
    expected = lift(pairs[steady].sum(axis=0))
    images = [axes.images[0].get_array().filled(np.nan) for axes in figure.axes if axes.images][:ROUTERS]
    np.testing.assert_allclose(images, expected, rtol=1e-12)
    assert expected[0, 0, 1] > 1.5 and len(table) == ROUTERS * EXPERTS**2
    assert table["pairs"].sum() == pairs[steady].sum()


def test_a_gate_of_one_expert_a_token_has_no_co_activation(run_path):
    with h5py.File(run_path, "r+") as file:
        file["raw/expert_pairs"][...] *= np.eye(EXPERTS, dtype="u4")
    with pytest.raises(NotDrawn, match="no token goes to two experts"):
        of_run("co_activation", run_path)


@pytest.mark.parametrize(("experts", "routers"), [(64, 20), (3, 1)])
def test_co_activation_fits_with_many_routers_and_experts(tmp_path, experts, routers):
    path = write_run(tmp_path / "run.h5")
    pairs = np.random.default_rng(3).integers(1, 90, (4, routers, experts, experts))
    names = {"router": np.array([f"{i}.attention" for i in range(routers)], "S"), "expert": np.arange(experts)}
    with h5py.File(path, "r+") as file:
        for name, values in {**names, "raw/expert_pairs": (pairs + pairs.transpose(0, 1, 3, 2)).astype("u4")}.items():
            del file[name]
            file[name] = values
    for paper in style.PAPERS:
        style.apply(paper)
        table, figure = of_run("co_activation", path)
        style.caption(figure, table.title, [], lettering.key(table))
        assert list(faults(figure)) == [], paper
        assert sum(bool(axes.images) for axes in figure.axes) >= min(routers, 16)


@pytest.mark.parametrize("name", ["confidence", "collapse"])
def test_numbers_of_routers_over_the_steps_are_those_of_the_file(run_path, name):
    table, figure = of_run(name, run_path)
    datasets = {
        "confidence": [f"raw/confidence/{of}" for of in ("top_probability", "entropy", "margin")],
        "collapse": ["derived/dead_fraction_over_window", "derived/imbalance/experts/max_over_mean"],
    }[name]
    assert len(figure.axes) == len(datasets)
    for axes, dataset in zip(figure.axes, datasets, strict=True):
        np.testing.assert_array_equal([line.get_ydata() for line in axes.lines], Run(run_path).array(dataset).T)
    assert table.title.startswith("router by router")


def test_of_several_configurations_the_mean_of_the_routers_is_drawn_as_median_over_seeds(seeded_gates):
    study = study_of(seeded_gates)
    table = figures.load("collapse").table(study)
    figure = figures.draw("collapse", table)
    (arm,) = (arm for arm in study.arms if arm.label == "switch")
    means = [run.array("derived/imbalance/experts/max_over_mean").mean(axis=1) for run in arm.runs]
    drawn = {line.get_label(): line for line in figure.axes[1].lines}
    np.testing.assert_allclose(drawn["switch"].get_ydata(), np.median(means, axis=0), rtol=1e-14)
    assert table.title.startswith("mean of the routers") and "n = 6" in table.title


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("confidence", "raw/confidence/margin"),
        ("collapse", "derived/dead_fraction_over_window"),
        ("co_activation", "raw/expert_pairs"),
    ],
)
def test_a_file_of_a_program_that_did_not_record_it_yet_is_not_drawn(run_path, name, lost):
    with h5py.File(run_path, "r+") as file:
        del file[lost]
    with pytest.raises(NotDrawn, match="before"):
        of_run(name, run_path)


def test_measures_of_routers_are_means_over_routers_and_steady_steps(run_path):
    run = Run(run_path)
    for name, dataset in {
        "dead_fraction": "derived/imbalance/experts/dead_fraction",
        "routing_entropy": "derived/imbalance/experts/normalized_entropy",
        "load_drift": "derived/load_drift",
        "top_probability": "raw/confidence/top_probability",
        "gate_seconds_per_token": "derived/gate_seconds_per_token",
    }.items():
        assert measure(name).of(run) == pytest.approx(run.array(dataset)[WARM_UP:].mean()), name
        assert measure(name).decided_by == ("machine" if "seconds" in name else "seed")
    waited = run.array("raw/collective_wait_seconds")[WARM_UP:].sum(axis=2).mean()
    assert measure("wait_seconds").of(run) == pytest.approx(waited)


@pytest.fixture(scope="module")
def dense_beside_routed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense")
    routed = [path for kind in ("switch", "random") for path in write_arm(folder, kind, 1, {"gate.kind": kind}, timing="free")]
    return routed, write_arm(folder, "dense", 1, {"gate.kind": "uniform", "model.num_experts": 1}, timing="free")


@pytest.mark.parametrize("name", ["collapse", "confidence", "imbalance", "load_cdf", "routing_entropy", "mfu_against_imbalance"])
def test_a_model_of_one_expert_is_in_no_figure_of_routing(dense_beside_routed, name):
    routed, dense = dense_beside_routed
    table = figures.load(name).table(study_of(routed + dense, ["gate.kind"]))
    assert sorted(table.distinct("curve" if "curve" in table.names else "configuration")) == ["random", "switch"]
    with pytest.raises(NotDrawn):
        figures.load(name).table(study_of(dense))


def test_a_model_of_one_expert_has_no_balance(dense_beside_routed):
    study = study_of([path for paths in dense_beside_routed for path in paths], ["gate.kind"])
    for table in (figures.load("gate_comparison").table(study), headline.table(study)):
        for name in ("imbalance_expert", "dropped_fraction"):
            of_routing = table.where(measure=name)
            assert np.isnan(of_routing.where(configuration="uniform")["value"]).all()
            assert np.isfinite(of_routing.where(configuration="switch")["value"]).all() and set(of_routing["n"]) == {1}


def test_no_gate_is_sure_of_choices_that_another_made(forced_and_natural):
    assert figures.load("confidence").table(study_of(forced_and_natural)).distinct("curve") == ["natural"]
    with pytest.raises(NotDrawn, match="routing of every run is forced"):
        figures.load("confidence").table(study_of(forced_and_natural[6:]))


def test_where_every_expert_has_a_choice_the_share_without_one_is_at_the_foot_of_its_panel(tmp_path):
    paths = write_arm(tmp_path, "one")
    with h5py.File(paths[0], "r+") as file:
        file["derived/dead_fraction_over_window"][...] = 0
    figure = figures.draw("collapse", figures.load("collapse").table(study_of(paths)))
    assert figure.axes[0].get_ylim() == (-0.05, 1)


def test_the_baseline_is_bold_in_rows_and_the_caption_says_so(seeded_gates):
    study = study_of(seeded_gates)
    for baseline, said in (("switch", "; bold: the baseline"), ("", "")):
        style.name_arms([arm.label for arm in study.arms], {}, baseline)
        _, figure = gate_comparison(study)
        bold = [label.get_text() for label in figure.axes[0].get_yticklabels() if label.get_fontweight() == "bold"]
        assert bold == [baseline] * bool(baseline) and style.of_baseline(figure) == said
