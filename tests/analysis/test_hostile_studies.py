"""Names of every kind and numbers that are none: every figure is drawn, fits, warns of nothing, and says what it cannot show."""

import os
import re
import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest
from matplotlib.ticker import ScalarFormatter

import figures
import lettering
import style
from hostile import CONTRASTS, NAMES, hardly_changing, launches, studies, without_numbers
from layout import faults
from run_file import NotDrawn, Run
from synthetic_run import study_of, write_arm, write_run, write_sweep
from table import Table
from test_figures import CLI, run_cli

NEEDS = {"step_breakdown": "timing", "strong_scaling": "ranks", "weak_scaling": "work", "dropped": "capacity"}
NEEDS |= {"forced_vs_natural": "routing"}
CASES = {
    "fine": ([], 0),
    "some late": ([0, 2, 5], 4),
    "one from the start": ([1], 0),
    "all from the start": (range(len(NAMES)), 0),
}
NOTHING_FINITE = {
    *("collapse", "confidence", "forced_vs_natural"),
    *("busbw", "load_over_steps", "loss", "mfu", "mfu_against_imbalance", "step_breakdown", "strong_scaling", "weak_scaling"),
}


def drawn(name, study):
    """With the caption, and every warning of numpy or matplotlib an error."""
    style.name_arms([arm.label for arm in study.arms])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = figures.load(name).table(study.runs[0] if figures.load(name).OF in ("launch", "explanation") else study)
        figure = figures.draw(name, table)
        style.caption(figure, table.title, study.marks(), lettering.key(table))
    return figure


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    return request.param, studies(tmp_path_factory.mktemp("hostile"), *CASES[request.param])


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_of_a_hostile_study_fits_its_canvas(case, name, caplog):
    what, found = case
    missing = what == "all from the start" or (name == "load_over_steps" and what == "some late")
    for paper in style.PAPERS if what == "fine" else ["icml"]:  # the narrowest column
        style.apply(paper)
        try:
            figure = drawn(name, found[NEEDS.get(name, "names")])
        except NotDrawn as reason:
            assert missing and name in NOTHING_FINITE and re.search("finite|no peak|no exchange", str(reason))
            return
        assert list(faults(figure)) == [], paper
    assert caplog.records == []  # matplotlib's other way to warn


@pytest.fixture(scope="module")
def hardly_changing_study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hardly")
    arms = [(timing, ranks) for timing in ("free", "phased") for ranks in (4, 8)]
    paths = [
        hardly_changing(write_run(folder / f"{timing}{ranks}.h5", config={"layout.ranks": ranks, "layout.dp": 2}, timing=timing))
        for timing, ranks in arms
    ]
    return study_of(paths)


@pytest.mark.parametrize(
    "name", sorted(set(figures.names()) - {"contrasts", "dropped", "equal_arms", "forced_vs_natural", "weak_scaling"})
)
def test_no_axis_has_an_offset_where_hardly_anything_changes(hardly_changing_study, name):
    assert list(faults(drawn(name, hardly_changing_study))) == []


def test_a_layout_that_does_not_fit_is_found():
    figure = style.new_figure(style.COLUMN, 2)
    axes = figure.subplots()
    axes.plot([0, 1], label="inside")
    axes.legend()
    figure.text(0.9, 0.1, "runs over the edge")
    figure.text(0.5, 0.5, "one")
    figure.text(0.5, 0.5, "another")
    figure.text(0.5, 0.9, "fine print", fontsize=4)
    axes.set_xticks([0, 0.01], ["0.000", "0.001"])
    axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=100))
    found = "\n".join(faults(figure))
    for words in (
        "a legend covers axes",
        "'runs over the edge' leaves the canvas",
        "'one' covers axes",
        "'one' and 'another' overlap",
        "'fine print' is 4.0 points small",
        "numbers '0.000' and '0.001' along x touch",
        "the y axis has the offset",
    ):
        assert words in found


def test_a_long_name_is_a_number_whose_name_stands_under_every_figure(tmp_path):
    labels = launches(tmp_path / "free", {}, (), 0, timing="free")
    study = study_of(labels, labels=labels)
    long = [arm.label for arm in study.arms if arm.label in ("x" * 150, "W" * 30, NAMES[-1])]
    for name in ("loss", "bytes_by_axis"):
        figure = drawn(name, study)
        lines = sorted(figure.texts, key=lambda text: -text.get_position()[1])
        under = "".join(line.get_text() for line in lines).replace(" ", "")
        assert len(long) == 3 and lettering.shown("plain") == "plain"
        for label in long:
            assert re.fullmatch(r"\[\d\]", lettering.shown(label))
            assert lettering.shown(label) + label.replace(" ", "") in under


def test_what_the_font_lacks_is_written_as_an_escape_and_a_dollar_is_a_dollar():
    assert lettering.drawable("ü → 温\n$a_b$") == "ü → \\u6e29\\n$a_b$"
    figure = style.new_figure(style.COLUMN, 1)
    assert not figure.text(0, 0, "$x$").get_parse_math()


def test_lines_are_broken_to_their_width_at_commas_first():
    assert lettering.broken("top_k 2, ranks 4 / ranks 8", 1, 7) == ["top_k 2, ranks 4 /", "ranks 8"]
    for lines in (lettering.broken("a" * 100, 0.5, 7), lettering.broken("word " * 40, 0.5, 7)):
        assert len(lines) > 10 and max(map(lettering.width, lines)) <= 0.5


def test_latex_escapes_what_latex_reads(tmp_path):
    table = Table("", name=("", ["[a] _%&#$^{}~\\<|>\n"]), value=("", [np.inf]))
    table.write_latex(tmp_path / "table.tex")
    assert (tmp_path / "table.tex").read_text(encoding="utf-8").splitlines()[-3] == (
        r"{[}a] \_\%\&\#\$\textasciicircum{}\{\}\textasciitilde{}\textbackslash{}\textless{}\textbar{}\textgreater{}"
        r"\textbackslash{}n & $\infty$ \\"
    )


def hostile_sweep(folder):
    cells = {f"cell{number}": ({"study": name}, {"record.repeat": number}, 0, {1: 1.0}) for number, name in enumerate(NAMES)}
    return write_sweep(folder, cells, CONTRASTS, "größer → besser?")


def test_every_file_is_utf8_and_the_same_whatever_the_locale(tmp_path):
    sweep = hostile_sweep(tmp_path / "sweep")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    latin = {"PYTHONIOENCODING": "latin-1:strict", "PYTHONWARNDEFAULTENCODING": "1"}
    only = [word for name in ("loss", "speedup", "contrasts", "step_breakdown") for word in ("--only", name)]
    for name, environment in (("utf8", {}), ("ascii", ascii_only), ("latin", latin)):
        words = [sys.executable, str(CLI), str(sweep), "--report", "--out", str(tmp_path / name), *only]
        result = subprocess.run(words, capture_output=True, env=os.environ | {"MPLBACKEND": "agg"} | environment)
        assert result.returncode == 0, result.stderr
        ours = [line for line in result.stderr.splitlines() if b"EncodingWarning" in line and b"/analysis/" in line]
        assert ours == []
    files = sorted(path.name for path in (tmp_path / "utf8").iterdir())
    assert {"loss.csv", "speedup.tex", "report.html"} <= set(files)
    for name in files:
        for other in ("ascii", "latin"):
            assert (tmp_path / other / name).read_bytes() == (tmp_path / "utf8" / name).read_bytes(), name
    assert "größe → 温度 🙂" in (tmp_path / "utf8" / "loss.csv").read_text(encoding="utf-8")


def test_a_run_that_diverged_from_its_first_step_on_has_its_report_and_says_so(tmp_path):
    path = without_numbers(write_run(tmp_path / "run.h5", status="failed", status_reason="the training diverged"), 0)
    result = run_cli(path, "--report", "--out", tmp_path / "out")
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert "loss is not drawn: no loss is a finite number" in result.stdout
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "loss not finite: from step 0 on" in page and "held-out loss not finite: from step 0 on" in page
    assert "no loss is a finite number" in page


def test_what_is_finite_of_a_run_that_diverged_is_drawn(tmp_path):
    path = without_numbers(write_run(tmp_path / "run.h5"), 3)
    study = study_of([path])
    training = drawn("loss", study).axes[0].lines[0]
    with h5py.File(path) as file:
        np.testing.assert_array_equal(training.get_ydata()[:3], file["raw/loss/cross_entropy"][:3])
    assert np.isnan(training.get_ydata()[3:]).all()
    assert study.marks()[0] == "loss not finite: from step 3 on"


def test_a_held_out_loss_that_is_no_number_is_not_replaced_by_an_earlier_one(tmp_path):
    paths = write_arm(tmp_path, "a", 2)
    with h5py.File(paths[0], "r+") as file:
        file["raw/eval/loss"][1] = np.nan
    at_step, loss = Run(paths[0]).evaluations()
    assert at_step.tolist() == [0, 5, 10] and np.isnan(loss[1]).all()
    lines = drawn("loss", study_of(paths)).axes[0].lines[1:]
    for line in lines:  # a median over the launches that went well would flatter
        assert np.isfinite(line.get_ydata()).tolist() == [True, False, True]


def test_marks_of_several_launches_are_counted_together_where_only_their_details_differ(tmp_path):
    paths = write_arm(tmp_path, "a", 3)
    for first, path in zip((2, 5), paths, strict=False):
        with h5py.File(path, "r+") as file:
            file["raw/loss/total"][first:] = np.inf
    assert study_of(paths).marks() == ["loss not finite (2 of 3 launches)"]
