"""Every figure shows what the file holds, is the same every time, has its paper's size, and embeds fonts that publishers take."""

import csv
import itertools
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import BarContainer

import figures
import style
from layout import faults
from measures import NUMERATORS
from run_file import NotDrawn, Run
from synthetic_run import COLLECTIVES, EXPERTS, PURPOSES, RANKS, ROUTERS, STEPS, WARM_UP, study_of, write_arm, write_run
from table import Table

CLI = Path(__file__).parents[2] / "analysis" / "figures.py"
OF_LAUNCH = [name for name in figures.names() if figures.load(name).OF in ("launch", "explanation")]
SWEEP = """
[analysis]
baseline = {"gate.kind" = "noisy_top_k"}
[[contrast]]
name = "switch is faster"
measure = "step_seconds"
first = {"gate.kind" = "noisy_top_k"}
second = {"gate.kind" = "switch"}
"""


def run_cli(*arguments):
    environment = os.environ | {"MPLBACKEND": "agg"}
    return subprocess.run([sys.executable, str(CLI), *map(str, arguments)], capture_output=True, text=True, env=environment)


def drawn(name, subject):
    table = figures.load(name).table(subject)
    return table, figures.draw(name, table)


def of_run(name, path):
    return drawn(name, Run(path) if name in OF_LAUNCH else study_of([path]))


def steady(path, name):
    with h5py.File(path) as file:
        return file[name][WARM_UP:].mean(axis=0)


def launches(paths, name, **config):
    """A dataset of each launch, in order of creation, whose figures are asked for."""
    return [run.array(name) for run in study_of(paths).runs if all(run.config[key] == value for key, value in config.items())]


def summaries(paths, name, **config):
    return np.array([values[0] for values in launches(paths, f"derived/summary/{name}", **config)])


def pdf_streams(path):
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL):
        try:
            yield zlib.decompress(match.group(1))
        except zlib.error:
            yield match.group(1)


@pytest.fixture(scope="module")
def capacities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("capacities")
    factors = (2.0, 0.5, 1.0)
    return [path for factor in factors for path in write_arm(folder, factor, 6, {"capacity.factor": factor}, timing="free")]


@pytest.fixture(scope="module")
def both_timings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    return [
        path
        for timing, speed in (("free", 1.0), ("phased", 1))
        for path in write_arm(folder, timing, 2, None, speed, timing=timing)
    ]


@pytest.fixture(scope="module")
def every_figure(tmp_path_factory, gates, sizes, capacities, both_timings):
    """(table, figure) of each name, from the fixture that has data for it."""
    folder = tmp_path_factory.mktemp("every")
    sweep = folder / "sweep.toml"
    sweep.write_text(SWEEP)
    style.apply()
    subjects = {name: Run(write_run(folder / "run.h5")) for name in OF_LAUNCH}
    subjects |= {name: study_of(sizes) for name in ("strong_scaling", "weak_scaling")}
    subjects |= {"dropped": study_of(capacities), "step_breakdown": study_of(both_timings)}
    again = write_arm(folder, "again", 6, {"gate.kind": "switch"}, 1.3, timing="free")
    equal = {path: {"study": "again"} for path in again} | {path: {"study": "first"} for path in gates[6:12]}
    subjects["equal_arms"] = study_of([*gates[6:12], *again], labels=equal)
    even = write_arm(folder, "even", 6, {"routing.forced": "even"}, 1.2, timing="free", routing="forced:even")
    subjects["forced_vs_natural"] = study_of([*gates[:6], *even])
    of_gates = study_of(gates, sweep=sweep)
    return {name: drawn(name, subjects.get(name, of_gates)) for name in figures.names()}


def test_every_figure_that_a_paper_asks_for_is_there():
    assert {
        *("loss", "loss_parts", "load_heatmap", "load_over_steps", "load_cdf", "imbalance", "step_time", "step_breakdown"),
        *("weak_scaling", "strong_scaling", "speedup", "contrasts", "equal_arms", "bytes", "bytes_by_axis", "busbw", "mfu"),
        *("mfu_against_imbalance", "dropped", "memory"),
    } <= set(figures.names())


def test_every_figure_keeps_the_width_of_its_paper_and_nothing_in_it_is_cut(every_figure):
    for name, (table, figure) in every_figure.items():
        style.caption(figure, table.title, ["uncommitted changes in the build"])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        assert figure.get_figwidth() in style.PAPERS["ieee"], name
        box = figure.get_tightbbox(canvas.get_renderer())
        assert box.x0 > -0.02 and box.y0 > -0.02, (name, box)
        assert box.x1 < figure.get_figwidth() + 0.02 and box.y1 < figure.get_figheight() + 0.02, (name, box)


@pytest.mark.parametrize("paper", style.PAPERS)
def test_no_text_or_legend_of_any_figure_covers_axes_or_other_text(every_figure, paper):
    style.apply(paper)
    for name, (table, _) in every_figure.items():
        figure = figures.draw(name, table)
        style.caption(figure, table.title, ["uncommitted changes in the build"])
        assert list(faults(figure)) == [], name


def test_every_axis_of_every_figure_is_named(every_figure):
    for name, (_, figure) in every_figure.items():
        for axes in figure.axes:
            beside = [other for other in figure.axes if other.get_position().y0 == axes.get_position().y0]
            named_rows = any(re.search("[a-z]", label.get_text()) for other in beside for label in other.get_yticklabels())
            named_row = any(other.get_ylabel() for other in beside)
            assert axes.get_ylabel() or named_rows or named_row, name
            below = [other for other in figure.axes if other.get_xlabel()]
            assert axes.get_xlabel() or axes.get_label() == "<colorbar>" or below, name


def test_every_figure_says_of_how_many_launches_or_seeds_it_is_and_its_axes_have_no_abbreviations(every_figure):
    for name, (table, figure) in every_figure.items():
        assert re.search("one launch|n = [0-9]|each free launch|false differences: .* of [0-9]+ blocks", table.title), name
        words = " ".join(text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel()))
        assert not re.search("busbw|MFU|utilization|bw", words), name


def test_every_number_of_every_table_is_in_its_csv_and_in_latex(every_figure, tmp_path):
    for name, (table, _) in every_figure.items():
        table.write_csv(tmp_path / "table.csv")
        with open(tmp_path / "table.csv", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        assert [column.split(" [")[0] for column in head] == table.names, name
        for number, column in enumerate(table.names):
            if table[column].dtype.kind == "f":
                np.testing.assert_array_equal([float(row[number]) for row in rows], table[column])
        table.write_latex(tmp_path / "table.tex")
        text = (tmp_path / "table.tex").read_text()
        assert text.count("\\\\\n") == len(table) + 1 and "\\toprule" in text and "\\bottomrule" in text, name


def test_names_of_arms_never_overlap_however_long(tmp_path):
    for ranks in (128, 256, 512, 1024):
        config = {
            "layout.ranks": ranks,
            "gate.kind": "random_learnable",
            "train.dispatcher": "all_to_all",
            "capacity.factor": 1.25,
        }
        config |= {"batch.sequences": ranks, "model.top_k": ranks % 7}
        write_run(tmp_path / f"{ranks}.h5", config=config, timing="free")
    keys = ["gate.kind", "train.dispatcher", "layout.ranks", "batch.sequences", "capacity.factor", "model.top_k"]
    study = study_of(tmp_path.glob("*.h5"), keys=keys)
    for name in ("bytes_by_axis", "mfu", "speedup"):
        figure = drawn(name, study)[1]
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        boxes = sorted((label.get_window_extent() for label in figure.axes[0].get_yticklabels()), key=lambda box: box.y0)
        assert len(boxes) >= 3 and figure.axes[0].get_window_extent().width > 0.3 * figure.bbox.width, name
        assert all(lower.y1 <= upper.y0 for lower, upper in itertools.pairwise(boxes)), name


@pytest.mark.parametrize(("paper", "width"), [("acm", 3.33), ("neurips", 5.5), ("icml", 3.25)])
def test_other_papers_have_other_widths(run_path, paper, width):
    style.apply(paper)
    assert of_run("loss", run_path)[1].get_figwidth() == width


def test_files_are_written_twice_with_the_same_bytes_and_truetype_fonts(run_path, tmp_path):
    for folder in ("first", "second"):
        result = run_cli(run_path, "--out", tmp_path / folder)
        assert result.returncode == 0, result.stderr
    written = sorted(path.name for path in (tmp_path / "first").iterdir())
    here = {name for name in figures.names() if figures.load(name).OF != "comparison"} - {
        "mfu",
        "mfu_against_imbalance",
        "step_breakdown",
    }
    of_figures = [f"{name}.{kind}" for name in here for kind in ("pdf", "png", "csv", "tex")]
    assert written == sorted([*of_figures, "headline.csv", "headline.tex"])
    assert "mfu is not drawn: no free run" in result.stdout
    for name in written:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name
    for path in (tmp_path / "first").glob("*.pdf"):
        text = path.read_bytes() + b"".join(pdf_streams(path))
        assert b"/FontFile2" in text and b"/Type3" not in text, path.name


def test_a_folder_of_launches_gives_the_comparisons(gates, tmp_path):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(SWEEP)
    only = [argument for name in ("speedup", "contrasts") for argument in ("--only", name)]
    result = run_cli(gates[0].parent, "--out", tmp_path / "out", "--sweep", sweep, *only)
    assert result.returncode == 0, result.stderr
    written = {path.name for path in (tmp_path / "out").glob("*.pdf")}
    assert written == {"speedup.pdf", "contrasts.pdf"}
    assert "switch is faster & step\\_seconds & ratio" in (tmp_path / "out" / "contrasts.tex").read_text()


def test_a_figure_of_one_launch_is_drawn_of_each_when_it_is_named(tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / f"{name}.h5", config={"train.seed": ord(name)})
    assert run_cli(tmp_path, "--only", "memory").returncode == 0
    assert {path.name for path in (tmp_path / "figures").glob("*.pdf")} == {"memory.a.pdf", "memory.b.pdf"}


def test_only_draws_the_named_figure_beside_the_run_file(run_path):
    result = run_cli(run_path, "--only", "loss")
    assert result.returncode == 0, result.stderr
    names = [f"loss.{kind}" for kind in ("csv", "pdf", "png", "tex")]
    assert sorted(path.name for path in (run_path.parent / "figures").iterdir()) == names


def test_loss_lines_are_the_losses_of_the_file(run_path):
    lines = of_run("loss", run_path)[1].axes[0].lines
    with h5py.File(run_path) as file:
        np.testing.assert_array_equal(lines[0].get_ydata(), file["raw/loss/cross_entropy"][()])
        np.testing.assert_array_equal(lines[0].get_xdata(), 1024 * np.arange(1, STEPS + 1))
        for domain, line in enumerate(lines[1:]):
            np.testing.assert_array_equal(line.get_ydata(), file["raw/eval/loss"][:, domain])
            np.testing.assert_array_equal(line.get_xdata(), 1024 * file["raw/eval/at_step"][()])
        assert len(lines) == 1 + file["raw/eval/loss"].shape[1]


def test_loss_of_several_configurations_is_the_median_held_out_loss(gates, every_figure):
    lines = {points.get_label(): points.lines[0] for points in every_figure["loss"][1].axes[0].containers}
    assert set(lines) == {"noisy_top_k", "switch", "random"}
    held_out = launches(gates, "raw/eval/loss", **{"gate.kind": "switch"})
    np.testing.assert_allclose(lines["switch"].get_ydata(), np.median(np.mean(held_out, axis=2), axis=0), rtol=1e-14)


def test_loss_of_several_configurations_has_their_training_and_the_difference_to_the_baseline_beneath(gates, every_figure):
    table, figure = every_figure["loss"]
    training = np.median(launches(gates, "raw/loss/cross_entropy", **{"gate.kind": "switch"}), axis=0)
    np.testing.assert_array_equal(table.where(configuration="switch", curve="training")["cross_entropy"], training)
    assert [label.get_text() for label in figure.axes[0].get_legend().get_texts()][:2] == ["training", "held out"]
    means = {
        kind: np.median(np.mean(launches(gates, "raw/eval/loss", **{"gate.kind": kind}), axis=2), axis=0)
        for kind in ("switch", "noisy_top_k")
    }
    below = table.where(configuration="switch", curve="difference")
    np.testing.assert_allclose(below["cross_entropy"], means["switch"] - means["noisy_top_k"], rtol=1e-12)
    assert below["n"].tolist() == 3 * [1] and "minus that of noisy_top_k" in table.title
    drawn_below = figure.axes[1].containers[-1].lines[0]
    assert drawn_below.get_ydata().tolist() == table.where(configuration="random", curve="difference")[
        "cross_entropy"
    ].tolist() or (drawn_below.get_ydata().tolist() == below["cross_entropy"].tolist())


def test_two_evaluations_are_not_joined_and_stand_close_by_their_tokens(tmp_path):
    paths = [path for kind in "abcdefghijk" for path in write_arm(tmp_path, kind, 1, {"gate.kind": kind}, timing="free")]
    for path in paths:
        with h5py.File(path, "r+") as file:
            file["raw/eval/at_step"][1] = -1
    figure = figures.draw("loss", figures.load("loss").table(study_of(paths)))
    for axes in figure.axes:
        points = [container.lines[0] for container in axes.containers if len(container.lines[0].get_xdata())]
        assert len(points) >= 10 and all(line.get_linestyle() == "None" for line in points)
        last = [line.get_xdata()[-1] for line in points]
        assert max(last) - min(last) < 0.07 * 10 * 1024


def test_only_arms_with_a_capacity_are_drawn_against_its_factor(capacities, tmp_path):
    dropless = write_arm(tmp_path, "dropless", 1, {"capacity.policy": "none", "capacity.factor": 4.0})
    table = figures.load("dropped").table(study_of([*capacities, *dropless]))
    assert sorted(set(table["capacity_factor"])) == [0.5, 1, 2]
    with pytest.raises(NotDrawn, match="the same in all configurations that have a capacity"):
        figures.load("dropped").table(study_of([*capacities[:6], *dropless]))


@pytest.mark.parametrize("largest", np.arange(1.53, 1.57, 0.003))
def test_the_last_number_below_the_utilisation_is_not_cut(largest):
    rows = [(gate, name, largest if name == "six_n_total" else 0.4) for gate in ("noisy_top_k", "random") for name in NUMERATORS]
    gate, numerator, mfu = zip(*rows, strict=True)
    of = dict.fromkeys(("mfu", "low", "high"), ("", mfu))
    table = Table("x", configuration=("", gate), numerator=("", numerator), **of, n=("", [1] * len(mfu)))
    figure = figures.draw("mfu", table)
    style.caption(figure, table.title, [])
    FigureCanvasAgg(figure).draw()
    low, high = figure.axes[0].get_xlim()
    labels = zip(figure.axes[0].get_xticks(), figure.axes[0].get_xticklabels(), strict=True)
    assert all(label.get_window_extent().x1 <= figure.bbox.x1 + 0.5 for at, label in labels if low <= at <= high)


def test_contrasts_are_named_in_the_words_of_the_headline_table(gates):
    study = study_of(gates)
    sides = {"first": {"gate.kind": "switch"}, "second": {"gate.kind": "random"}}
    study.contrasts = [{"name": name, "measure": name} | sides for name in ("imbalance_rank", "step_seconds")]
    figure = figures.draw("contrasts", figures.load("contrasts").table(study))
    labels = [axes.get_xlabel().replace("\n", " ") for axes in figure.axes]
    assert labels == ["imbalance of ranks (max / mean), difference", "ratio of step time"]


def test_loss_parts_are_total_cross_entropy_and_each_routers_balance(run_path):
    above, below = of_run("loss_parts", run_path)[1].axes
    with h5py.File(run_path) as file:
        np.testing.assert_array_equal(above.lines[0].get_ydata(), file["raw/loss/total"][()])
        np.testing.assert_array_equal(above.lines[1].get_ydata(), file["raw/loss/cross_entropy"][()])
        np.testing.assert_array_equal([line.get_ydata() for line in below.lines], file["raw/loss/balance"][()].T)


def test_heatmap_is_the_routed_count_over_its_even_share(run_path):
    image = of_run("load_heatmap", run_path)[1].axes[0].images[0].get_array()
    counts = steady(run_path, "raw/expert_tokens_routed")
    np.testing.assert_allclose(image, counts * counts.shape[1] / counts.sum(axis=1, keepdims=True), rtol=1e-14)


def test_load_over_steps_shows_the_most_uneven_router(run_path):
    table, figure = of_run("load_over_steps", run_path)
    worst = steady(run_path, "derived/imbalance/experts/max_over_mean").argmax()
    with h5py.File(run_path) as file:
        counts = file["raw/expert_tokens_routed"][:, worst]
    assert table.title.startswith(f"router {worst}.ffn, the most uneven;")
    np.testing.assert_allclose(figure.axes[0].images[0].get_array().T, counts / counts.mean(axis=1, keepdims=True), rtol=1e-14)


def test_imbalance_is_every_routers_and_of_several_configurations_the_worst(run_path, gates, every_figure):
    with h5py.File(run_path) as file:
        imbalance = file["derived/imbalance/experts/max_over_mean"][()]
    lines = of_run("imbalance", run_path)[1].axes[0].lines
    np.testing.assert_array_equal([line.get_ydata() for line in lines[:ROUTERS]], imbalance.T)
    of_switch = launches(gates, "derived/imbalance/experts/max_over_mean", **{"gate.kind": "switch"})
    line = next(line for line in every_figure["imbalance"][1].axes[0].lines if line.get_label() == "switch")
    np.testing.assert_array_equal(line.get_ydata(), np.median(of_switch, axis=0).max(axis=1))  # of one seed


def test_load_cdf_counts_the_loads_below(run_path):
    _, figure = of_run("load_cdf", run_path)
    with h5py.File(run_path) as file:
        counts = file["raw/expert_tokens_routed"][WARM_UP:]
    load = np.sort((counts / counts.mean(axis=2, keepdims=True))[:, 1].ravel())
    drawn = figure.axes[0].lines[1]
    assert drawn.get_label() == "router 1.ffn"
    for at, share in zip(drawn.get_xdata(), drawn.get_ydata(), strict=True):
        assert at in load
        assert np.mean(load <= at) >= share - 1e-12 and np.mean(load < at) <= share + 1e-12
    assert drawn.get_xdata()[[0, -1]].tolist() == load[[0, -1]].tolist()


def test_step_time_stacks_the_phases_of_each_rank(run_path):
    left, right = of_run("step_time", run_path)[1].axes
    phases = steady(run_path, "raw/phase_seconds")[:, :-2]  # the last, checks and record, are between the steps
    heights = np.array([[bar.get_height() for bar in bars] for bars in left.containers])
    np.testing.assert_allclose(heights[:-1], phases.T, rtol=1e-14)
    assert left.containers[-1].get_label() == "not in a phase"
    whole = steady(run_path, "raw/step_seconds")
    tops = [bar.get_y() + bar.get_height() for bar in left.containers[-1]]
    np.testing.assert_allclose(tops, whole, rtol=1e-12)
    np.testing.assert_allclose(left.lines[-1].get_ydata(), whole, rtol=1e-14)
    transfer = steady(run_path, "raw/collective_transfer_seconds").mean(axis=0)
    tensor_parallel = sum(transfer[index] for index, name in enumerate(COLLECTIVES) if name.startswith("tp."))
    assert right.containers[0][0].get_width() == pytest.approx(tensor_parallel, rel=1e-12)
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["tensor\n(tp)", "expert\n(ep)", "data\n(dp)", "control"]


def test_a_free_run_draws_whole_steps_and_no_phases(tmp_path):
    path = write_run(tmp_path / "free.h5", timing="free")
    left, right = of_run("step_time", path)[1].axes
    (bars,) = left.containers
    assert [exchange.get_label() for exchange in right.containers] == ["waiting and transfer"]
    np.testing.assert_allclose([bar.get_height() for bar in bars], steady(path, "raw/step_seconds"), rtol=1e-14)


def test_a_free_run_that_stamps_its_exchanges_draws_waiting_apart_from_transfer(tmp_path):
    path = write_run(tmp_path / "free.h5", timing="free")
    with h5py.File(path, "r+") as file:
        file["raw/collective_wait_seconds"][...] = 1e-3
    right = of_run("step_time", path)[1].axes[1]
    assert [exchange.get_label() for exchange in right.containers] == ["transfer", "wait"]


def test_step_breakdown_stands_beside_the_free_step(both_timings, every_figure):
    table, figure = every_figure["step_breakdown"]
    phased = [path for path in both_timings if "phased" in path.name]
    phases = np.mean([steady(path, "raw/phase_seconds").mean(axis=0) for path in phased], axis=0)
    phases = phases[:-2]  # without checks and record
    free = np.median(summaries(both_timings, "step_seconds", **{"train.timing": "free"}))
    *widths, rest = [bars[0].get_width() for bars in figure.axes[0].containers if isinstance(bars, BarContainer)]
    np.testing.assert_allclose(widths, phases, rtol=1e-12)
    whole = np.median([steady(path, "raw/step_seconds").mean() for path in phased])
    assert rest == pytest.approx(whole - phases.sum(), rel=1e-9) and table["phased_step"][0] == pytest.approx(whole, rel=1e-12)
    assert figure.axes[0].lines[0].get_xdata()[0] == free
    ratio = phases.sum() / free
    assert table["phases_over_free"][0] == pytest.approx(ratio, rel=1e-12)
    assert figure.axes[0].texts[0].get_text().startswith(f"phases / free = {ratio:.2f}")
    assert ("do not quote" in figure.axes[0].texts[0].get_text()) == (not 1 / 1.1 <= ratio <= 1.1)


def test_no_tick_stands_between_two_steps(every_figure):
    axes = [axes for _, figure in every_figure.values() for axes in figure.axes if axes.get_xlabel() == "step"]
    assert len(axes) == 6
    for one in axes:
        one.set_xlim(-0.5, 19.5)  # would be ticked at 2.5, 7.5, ...
        assert all(tick == round(tick) for tick in one.get_xticks())


@pytest.mark.parametrize(
    ("name", "measure", "sequences"), [("strong_scaling", "tokens_per_second", 8), ("weak_scaling", "step_seconds", None)]
)
def test_scaling_is_the_median_of_launches_beside_the_ideal(sizes, every_figure, name, measure, sequences):
    table, figure = every_figure[name]
    expected = [
        np.median(summaries(sizes, measure, **{"layout.ranks": ranks, "batch.sequences": sequences or 8 * ranks}))
        for ranks in (1, 2, 4)
    ]
    line, ideal = figure.axes[0].lines[0], next(line for line in figure.axes[0].lines if line.get_linestyle() == ":")
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 4])
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-14)
    factors = np.array([1, 2, 4]) if name == "strong_scaling" else np.ones(3)
    np.testing.assert_allclose(ideal.get_ydata(), expected[0] * factors, rtol=1e-14)
    assert set(table["n"]) == {6} and np.isfinite(table["low"]).all()


def test_speedup_is_the_paired_ratio_to_the_baseline(gates, every_figure):
    table, _ = every_figure["speedup"]
    ratios = {}
    for kind in ("switch", "random"):
        of_kind, base = (summaries(gates, "tokens_per_second", **{"gate.kind": name}) for name in (kind, "noisy_top_k"))
        logs = np.log(of_kind / base)
        ratios[kind] = np.exp(np.median([(a + b) / 2 for i, a in enumerate(logs) for b in logs[i:]]))
    assert dict(zip(table["contrast"].tolist(), table["value"].tolist(), strict=True)) == pytest.approx(ratios, rel=1e-12)
    assert set(table["samples"]) == {"paired launches"} and set(table["n"]) == {6}
    assert set(table["verdict"]) == {"not declared"}  # the sweep file declares another contrast


def test_equal_arms_are_compared_in_the_order_of_their_launches(every_figure):
    table, _ = every_figure["equal_arms"]
    assert table["contrast"].tolist() == ["again / first"]
    assert (table["value"][0], table["low"][0], table["high"][0]) == (1, 1, 1)
    assert table.title.startswith("false differences: 0.0% of 1 blocks of six pairs (95 % interval 0.0% to 97.5%)")


def test_a_declared_contrast_is_claimed_when_its_interval_says_so(every_figure):
    table, figure = every_figure["contrasts"]
    assert table["verdict"].tolist() == ["difference"]
    assert table["high"][0] < 1 and table["value"][0] == pytest.approx(1 / 1.3, rel=0.05)
    marker = figure.axes[0].lines[1]
    assert marker.get_xdata()[0] == table["value"][0] and marker.get_fillstyle() == "full"


def test_bytes_puts_the_computed_on_the_counted(run_path):
    table, figure = of_run("bytes", run_path)
    counted, computed = (line.get_xdata() for line in figure.axes[0].lines)
    np.testing.assert_array_equal(counted, steady(run_path, "raw/collective_payload_bytes").sum(axis=0))
    np.testing.assert_array_equal(counted, computed)
    assert table.title.startswith("counted = computed in all 240 entries")


def test_bytes_says_when_one_entry_differs(run_path):
    with h5py.File(run_path, "r+") as file:
        file["computed/payload_bytes"][3, 1, 2] += 4
    assert of_run("bytes", run_path)[0].title.startswith("counted and computed differ in 1 of 240 entries")


def test_bytes_by_axis_sum_the_collectives_of_the_axis(gates, every_figure):
    table, figure = every_figure["bytes_by_axis"]
    containers = figure.axes[0].containers
    of_switch = [run.path for run in study_of(gates).runs if run.config["gate.kind"] == "switch"]
    counted = np.array([steady(path, "raw/collective_payload_bytes").sum(axis=0) for path in of_switch])
    row = table["configuration"].tolist().index("switch")
    for axis, bars in zip(("tp", "ep", "dp", "control"), containers, strict=True):
        of_axis = [number for number, name in enumerate(COLLECTIVES) if name.split(".")[0] == axis]
        assert bars[row].get_width() == pytest.approx(np.median(counted[:, of_axis].sum(axis=1)), rel=1e-14)
    assert [bars.get_label() for bars in containers] == ["tensor (tp)", "expert (ep)", "data (dp)", "control"]
    assert table["total"][row] == pytest.approx(np.median(counted.sum(axis=1)), rel=1e-14)
    assert table["per_token"][row] == pytest.approx(np.median(counted.sum(axis=1)) / 1024, rel=1e-14)


def test_bytes_of_one_configuration_are_told_apart_by_exchange_alone(run_path):
    with pytest.raises(NotDrawn, match="`bytes` tells its exchanges apart"):
        of_run("bytes_by_axis", run_path)


def test_busbw_stands_over_the_payload_of_one_call(run_path):
    lines = of_run("busbw", run_path)[1].axes[0].lines
    points = [(x, y) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    payload, calls = (steady(run_path, f"raw/collective_{what}").sum(axis=0) for what in ("payload_bytes", "calls"))
    with h5py.File(run_path) as file:
        busbw = np.median(file["derived/bandwidth/busbw"][WARM_UP:], axis=0)
    expected = sorted(zip(payload / calls, busbw / 1e9, strict=True))
    np.testing.assert_allclose(sorted(points), expected, rtol=1e-14)


def test_busbw_of_several_launches_is_their_median(tmp_path):
    paths = write_arm(tmp_path, "a", 6)
    busbw = []
    for path in paths:
        with h5py.File(path) as file:
            busbw.append(np.median(file["derived/bandwidth/busbw"][WARM_UP:], axis=0))
    table = drawn("busbw", study_of(paths))[0]
    assert table["collective"].tolist() == COLLECTIVES and set(table["n"]) == {6}
    for column, expected in (
        ("busbw", np.median(busbw, axis=0)),
        ("low", np.min(busbw, axis=0)),
        ("high", np.max(busbw, axis=0)),
    ):
        np.testing.assert_allclose(table[column], expected, rtol=1e-14)


def test_busbw_of_messages_of_nearly_one_size_has_plain_numbers_at_its_axes(run_path):
    with h5py.File(run_path, "r+") as file:
        file["raw/collective_payload_bytes"][...] = (1000, 1000, 1000, 1000, 1000, 1500) * file["raw/collective_calls"][()]
        file["derived/bandwidth/busbw"][...] = 1e9
    assert list(faults(of_run("busbw", run_path)[1])) == []


def test_mfu_has_a_marker_for_each_numerator(gates, every_figure):
    table, figure = every_figure["mfu"]
    assert len(table) == 3 * 5 and table.title.startswith("of the measured peak")
    executed = table.where(numerator="executed", configuration="switch")["mfu"]
    expected = np.median(summaries(gates, "mfu_measured_executed", **{"gate.kind": "switch"}))
    assert executed == [expected]
    assert expected in figure.axes[0].containers[4].lines[0].get_xdata()


def test_mfu_against_imbalance_has_a_point_for_each_launch(gates, every_figure):
    lines = every_figure["mfu_against_imbalance"][1].axes[0].lines
    line = next(line for line in lines if line.get_label() == "random")
    for name, values in (("imbalance_rank", line.get_xdata()), ("mfu_measured_megatron_causal", line.get_ydata())):
        np.testing.assert_array_equal(values, summaries(gates, name, **{"gate.kind": "random"}))


def test_dropped_grows_along_the_capacity_factor(capacities, every_figure):
    line = every_figure["dropped"][1].axes[0].lines[0]
    assert line.get_xdata().tolist() == [0.5, 1, 2]
    expected = [np.median(summaries(capacities, "dropped_fraction", **{"capacity.factor": factor})) for factor in (0.5, 1, 2)]
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-14)


def test_memory_stacks_purposes_on_each_rank(run_path):
    axes = of_run("memory", run_path)[1].axes[0]
    with h5py.File(run_path) as file:
        held, process = file["raw/memory_by_purpose"][()].max(axis=0), file["raw/memory_bytes"][()].max(axis=0)
    *purposes, rest = axes.containers
    assert [bars.get_label() for bars in purposes] == PURPOSES
    np.testing.assert_array_equal([[bar.get_height() for bar in bars] for bars in purposes], held.T)
    assert rest.get_label().startswith("not told apart")
    np.testing.assert_array_equal([bar.get_y() + bar.get_height() for bar in rest], process)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), process)
    assert len(process) == RANKS


def test_an_oversubscribed_run_gives_counts_and_never_a_time(tmp_path):
    path = write_run(tmp_path / "crowded.h5", oversubscribed=1, timing="free")
    result = run_cli(path, "--out", tmp_path / "out")
    drawn = {path.stem for path in (tmp_path / "out").glob("*.pdf")}
    assert {"bytes", "load_heatmap", "loss", "memory"} <= drawn
    assert not drawn & {"step_time", "busbw", "mfu", "mfu_against_imbalance", "step_breakdown", "speedup", "strong_scaling"}
    assert "step_time is not drawn" in result.stdout and "more threads than cores" in result.stdout


def test_a_figure_that_is_not_drawn_leaves_no_older_one(tmp_path):
    path = write_run(tmp_path / "run.h5")
    run_cli(path, "--only", "step_time")
    assert (tmp_path / "figures" / "step_time.pdf").exists()
    path.unlink()
    result = run_cli(write_run(tmp_path / "run.h5", oversubscribed=1), "--only", "step_time")
    assert result.returncode != 0 and not list((tmp_path / "figures").iterdir())


def test_one_rank_has_no_exchanges_to_draw(tmp_path):
    path = write_run(tmp_path / "one.h5")
    with h5py.File(path, "r+") as file:
        for name in ("collective", "provenance/collective_axis"):
            del file[name]
            file[name] = np.array([], dtype="S1")
    for name in ("bytes", "bytes_by_axis"):
        with pytest.raises(NotDrawn, match="one rank"):
            of_run(name, path)
    assert "one rank: no communication" in [text.get_text() for text in of_run("step_time", path)[1].axes[1].texts]


def test_a_run_of_many_experts_and_routers_is_drawn_as_well(run_path):
    assert EXPERTS <= figures.load("load_heatmap").LARGEST_LABELLED
    assert len(of_run("load_heatmap", run_path)[1].axes[0].texts) == ROUTERS * EXPERTS
