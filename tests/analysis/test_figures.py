"""The figures show what the file holds, look the same every time, and embed fonts that publishers take."""

import re
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

import figures
from figures import bytes as bytes_figure
from figures import load_heatmap, load_over_steps, loss, step_time
from run_file import Run
from synthetic_run import COLLECTIVES, STEPS, WARM_UP, write_run

CLI = Path(__file__).parents[2] / "analysis" / "figures.py"


def run_cli(*arguments):
    return subprocess.run([sys.executable, str(CLI), *map(str, arguments)], capture_output=True, text=True)


def steady(path, name):
    with h5py.File(path) as file:
        return file[name][WARM_UP:].mean(axis=0)


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def pdf_streams(path):
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL):
        try:
            yield zlib.decompress(match.group(1))
        except zlib.error:
            yield match.group(1)


def test_every_figure_is_written_twice_with_the_same_bytes(run_path, tmp_path):
    for folder in ("first", "second"):
        result = run_cli(run_path, "--out", tmp_path / folder)
        assert result.returncode == 0, result.stderr
    written = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert written == sorted(f"{name}.{kind}" for name in figures.names() for kind in ("pdf", "png"))
    assert {"loss", "load_heatmap", "load_over_steps", "step_time", "bytes"} <= set(figures.names())
    for name in written:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_pdfs_embed_truetype_and_no_type3(run_path, tmp_path):
    run_cli(run_path, "--out", tmp_path)
    for path in tmp_path.glob("*.pdf"):
        text = path.read_bytes() + b"".join(pdf_streams(path))
        assert b"/FontFile2" in text, path.name
        assert b"/Type3" not in text, path.name


def test_only_draws_the_named_figure_beside_the_run_file(run_path):
    result = run_cli(run_path, "--only", "loss")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (run_path.parent / "figures").iterdir()) == ["loss.pdf", "loss.png"]


def test_loss_lines_are_the_losses_of_the_file(run_path):
    with Run(run_path) as run:
        lines = loss.draw(run).axes[0].lines
    with h5py.File(run_path) as file:
        np.testing.assert_array_equal(lines[0].get_ydata(), file["raw/loss/cross_entropy"][()])
        np.testing.assert_array_equal(lines[0].get_xdata(), 1024 * np.arange(1, STEPS + 1))
        for domain, line in enumerate(lines[1:]):
            np.testing.assert_array_equal(line.get_ydata(), file["raw/eval/loss"][:, domain])
            np.testing.assert_array_equal(line.get_xdata(), 1024 * file["raw/eval/at_step"][()])
        assert len(lines) == 1 + file["raw/eval/loss"].shape[1]


def test_heatmap_is_the_routed_count_over_its_even_share(run_path):
    with Run(run_path) as run:
        drawn = load_heatmap.draw(run).axes[0].images[0].get_array()
    counts = steady(run_path, "raw/expert_tokens_routed")
    np.testing.assert_allclose(drawn, counts * counts.shape[1] / counts.sum(axis=1, keepdims=True), rtol=1e-14)


def test_load_over_steps_shows_the_most_uneven_router_and_every_imbalance(run_path):
    with Run(run_path) as run:
        above, below = load_over_steps.draw(run).axes[:2]
    with h5py.File(run_path) as file:
        imbalance = file["derived/imbalance/expert/max_over_mean"][()]
        worst = imbalance[WARM_UP:].mean(axis=0).argmax()
        counts = file["raw/expert_tokens_routed"][:, worst]
    assert above.get_title(loc="left") == f"router {worst}.ffn"
    np.testing.assert_allclose(above.images[0].get_array().T, counts / counts.mean(axis=1, keepdims=True), rtol=1e-14)
    for router in range(imbalance.shape[1]):
        np.testing.assert_array_equal(below.lines[router].get_ydata(), imbalance[:, router])


def test_step_time_stacks_the_phases_of_each_rank(run_path):
    with Run(run_path) as run:
        left, right = step_time.draw(run).axes
    phases = steady(run_path, "raw/phase_seconds")
    heights = np.array([[bar.get_height() for bar in bars] for bars in left.containers])
    np.testing.assert_allclose(heights, phases.T, rtol=1e-14)
    tops = [bar.get_y() + bar.get_height() for bar in left.containers[-1]]
    np.testing.assert_allclose(tops, phases.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(left.lines[-1].get_ydata(), steady(run_path, "raw/step_seconds"), rtol=1e-14)
    transfer = steady(run_path, "raw/collective_transfer_seconds").mean(axis=0)
    tensor_parallel = sum(transfer[index] for index, name in enumerate(COLLECTIVES) if name.startswith("tp."))
    assert right.containers[0][0].get_height() == pytest.approx(tensor_parallel, rel=1e-12)
    assert [label.get_text() for label in right.get_xticklabels()] == ["tp", "ep", "dp", "control"]


def test_a_free_run_draws_whole_steps_and_no_phases(tmp_path):
    path = write_run(tmp_path / "free.h5", timing="free")
    with Run(path) as run:
        left, right = step_time.draw(run).axes
    (bars,) = left.containers
    assert [exchange.get_label() for exchange in right.containers] == ["waiting and transfer"]
    np.testing.assert_allclose([bar.get_height() for bar in bars], steady(path, "raw/step_seconds"), rtol=1e-14)


def test_an_oversubscribed_run_gets_no_time_figure(tmp_path):
    with Run(write_run(tmp_path / "crowded.h5", oversubscribed=1)) as run:
        figure = step_time.draw(run)
    assert not figure.axes
    assert texts(figure) == [step_time.REFUSAL]


def test_bytes_puts_the_computed_on_the_counted(run_path):
    with Run(run_path) as run:
        axes = bytes_figure.draw(run).axes[0]
    counted, computed = (line.get_xdata() for line in axes.lines)
    np.testing.assert_array_equal(counted, steady(run_path, "raw/collective_payload_bytes").sum(axis=0))
    np.testing.assert_array_equal(counted, computed)
    assert axes.get_title(loc="left").startswith("counted = computed in all 240 entries")


def test_bytes_says_when_one_entry_differs(run_path):
    with h5py.File(run_path, "r+") as file:
        file["computed/payload_bytes"][3, 1, 2] += 4
    with Run(run_path) as run:
        title = bytes_figure.draw(run).axes[0].get_title(loc="left")
    assert title.startswith("counted and computed differ in 1 of 240 entries")


def test_one_rank_has_no_exchanges_to_draw(tmp_path):
    path = write_run(tmp_path / "one.h5")
    with h5py.File(path, "r+") as file:
        for name in ("collective", "provenance/collective_axis"):
            del file[name]
            file[name] = np.array([], dtype="S1")
    with Run(path) as run:
        assert texts(bytes_figure.draw(run)) == ["one rank: no communication"]
        assert "one rank: no communication" in texts(step_time.draw(run))
