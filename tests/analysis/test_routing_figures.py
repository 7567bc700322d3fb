"""What experts are chosen for, and how evenly: the figures expert_by_domain and routing_entropy."""

import h5py
import numpy as np
import pytest

import figures
import lettering
import style
from layout import faults
from run_file import NotDrawn, Run
from synthetic_run import DOMAINS, EXPERTS, ROUTERS, study_of, write_arm, write_run
from test_figures import of_run

ENTROPY = "derived/imbalance/experts/normalized_entropy"


def replaced(path, **datasets):
    """`datasets`: values by path, / written as __."""
    with h5py.File(path, "r+") as file:
        for name, values in datasets.items():
            del file[name.replace("__", "/")]
            file[name.replace("__", "/")] = values
    return path


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_expert_by_domain_is_the_last_evaluations_share_over_the_even_one(run_path):
    table, figure = of_run("expert_by_domain", run_path)
    with h5py.File(run_path) as file:
        counts, bits = file["raw/eval/expert_tokens"][2], file["derived/eval/domain_information"][2]
    assert table.title.startswith("held-out text after 10 steps") and len(panels(figure)) == ROUTERS
    for router, axes in enumerate(panels(figure)):
        expected = counts[:, router] * EXPERTS / counts[:, router].sum(axis=1, keepdims=True)
        np.testing.assert_allclose(axes.images[0].get_array(), expected, rtol=1e-14)
        assert axes.get_title(loc="left") == f"{router}.ffn: {bits[router]:.3f} bit"
    assert [label.get_text() for label in panels(figure)[0].get_yticklabels()] == DOMAINS
    of_router = table.where(router="1.ffn")
    assert set(of_router["domain_information"]) == {bits[1]} and len(of_router) == len(DOMAINS) * EXPERTS


def test_an_even_share_has_the_middle_colour_and_the_colours_reach_as_far_as_the_data(run_path):
    for share, low, high in ((0.3, 0.7, 1.3), (0.01, 0.98, 1.02), (7, -6, 8)):
        counts = np.full((3, len(DOMAINS), ROUTERS, EXPERTS), 1000)
        counts[2, 0, 0, 0] += int(1000 * share)
        counts[2, 0, 0, 1:] -= round(1000 * share / (EXPERTS - 1))
        norm = panels(of_run("expert_by_domain", replaced(run_path, raw__eval__expert_tokens=counts))[1])[0].images[0].norm
        assert norm(1) == 0.5 and (norm.vmin, norm.vmax) == pytest.approx((low, high), abs=0.01)


def test_the_last_complete_evaluation_is_shown_and_none_is_said(run_path):
    with h5py.File(run_path, "r+") as file:
        file["raw/eval/at_step"][2] = -1
    assert of_run("expert_by_domain", run_path)[0].title.startswith("held-out text after 5 steps")
    with h5py.File(run_path, "r+") as file:
        file["raw/eval/at_step"][...] = -1
    with pytest.raises(NotDrawn, match="no evaluation"):
        of_run("expert_by_domain", run_path)


@pytest.mark.parametrize(("paper", "routers", "experts"), [("icml", 1, 64), ("ieee", 6, 8), ("neurips", 32, 128), ("acm", 17, 4)])
def test_many_routers_and_experts_fit_and_those_that_are_shown_are_told(run_path, paper, routers, experts):
    style.apply(paper)
    draw, domains = np.random.default_rng(5), [f"a domain number {i}" for i in range(7)]
    counts = draw.multinomial(4096, np.full(experts, 1 / experts), (3, len(domains), routers))
    names = np.array([f"{layer}.attention" for layer in range(routers)], dtype="S")
    replaced(run_path, raw__eval__expert_tokens=counts, derived__eval__domain_information=np.zeros((3, routers)))
    replaced(run_path, router=names, expert=np.arange(experts), domain=np.array(domains, dtype="S"))
    table, figure = of_run("expert_by_domain", run_path)
    style.caption(figure, table.title, [], lettering.key(table))
    assert list(faults(figure)) == []
    assert len(panels(figure)) == min(routers, 16) and len(table) == routers * 7 * experts
    assert (f"16 of {routers} routers" in table.title) == (routers > 16)
    shown = [axes.get_title(loc="left").split(":")[0] for axes in panels(figure)]
    assert (shown[0], shown[-1]) == ("0.attention", f"{routers - 1}.attention") and len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("name", "lost"), [("expert_by_domain", "derived/eval/domain_information"), ("routing_entropy", ENTROPY)]
)
def test_a_file_of_a_program_that_did_not_record_it_yet_is_not_drawn(run_path, name, lost):
    with h5py.File(run_path, "r+") as file:
        del file[lost]
    with pytest.raises(NotDrawn, match="before"):
        of_run(name, run_path)


def test_routing_entropy_is_the_mean_and_the_lowest_of_the_routers(run_path):
    table, figure = of_run("routing_entropy", run_path)
    entropy = Run(run_path).array(ENTROPY)
    mean, lowest = figure.axes[0].lines[:2]
    np.testing.assert_allclose(mean.get_ydata(), entropy.mean(axis=1), rtol=1e-14)
    np.testing.assert_array_equal(lowest.get_ydata(), entropy.min(axis=1))
    np.testing.assert_array_equal(table["low"], table["high"])  # ten steps are drawn as they are
    assert (mean.get_label(), lowest.get_label()) == ("mean of routers", "lowest router") and "median" not in table.title


def test_routing_entropy_of_a_long_run_is_smoothed_within_its_range(tmp_path):
    path = write_run(tmp_path / "long.h5", steps=400)
    table, figure = of_run("routing_entropy", path)
    lowest, part = Run(path).array(ENTROPY).min(axis=1), table.where(of="lowest router")
    assert "running median of 21 steps" in table.title and "bands: quartiles over window" in table.title
    middle = part.where(step=200)
    quartiles = [middle[name][0] for name in ("low", "normalized_entropy", "high")]
    assert quartiles == np.quantile(lowest[190:211], (0.25, 0.5, 0.75)).tolist()
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), part["normalized_entropy"])
    assert len(figure.axes[0].collections) == 2  # bands


def test_routing_entropy_of_several_configurations_is_the_median_over_seeds(tmp_path):
    paths = [
        path
        for kind in ("switch", "random")
        for seed in (1, 2, 3)
        for path in write_arm(tmp_path, f"{kind}{seed}", 1, {"gate.kind": kind, "train.seed": seed})
    ]
    study = study_of(paths)
    table = figures.load("routing_entropy").table(study)
    figure = figures.draw("routing_entropy", table)
    of_seeds = [run.array(ENTROPY).mean(axis=1) for run in study.runs if run.config["gate.kind"] == "switch"]
    drawn = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_allclose(drawn["switch"].get_ydata(), np.median(of_seeds, axis=0), rtol=1e-14)
    assert "seeds, n = 3" in table.title
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["random", "switch"]


def test_of_several_configurations_mean_and_lowest_router_have_a_panel_each(tmp_path):
    paths = [path for kind in ("switch", "random") for path in write_arm(tmp_path, kind, 1, {"gate.kind": kind})]
    study = study_of(paths)
    figure = figures.draw("routing_entropy", figures.load("routing_entropy").table(study))
    for axes, over in zip(figure.axes, (np.mean, np.min), strict=True):
        for arm, line in zip(study.arms, axes.lines, strict=False):
            np.testing.assert_allclose(line.get_ydata(), over(arm.runs[0].array(ENTROPY), axis=1), rtol=1e-14)
