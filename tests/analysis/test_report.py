"""The page of a study holds everything itself: figures, their tables, what failed and why, provenance."""

import base64
import csv
import re
from html.parser import HTMLParser

from matplotlib import rcParams

import answers
import figures
import report
import report_order
import style
from synthetic_run import study_of, write_arm, write_sweep
from table import Table
from test_figures import run_cli

VOID = {"meta", "img", "br"}


class Nesting(HTMLParser):
    """Every element that opens is closed in its place."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_report_needs_no_other_file_and_names_what_failed(tmp_path):
    style.apply()
    cells = {
        f"{kind}{repeat}": ({}, {"record.repeat": repeat, "gate.kind": kind}, 0, {1: 1.0})
        for kind in ("switch", "random")
        for repeat in range(6)
    }
    write_sweep(tmp_path, cells, question="Is <switch> faster & better?")
    (tmp_path / "missing.csv").write_text("cell,state,reason\nx,failed,a disk was full\n")
    only = [argument for name in ("speedup", "imbalance", "contrasts") for argument in ("--only", name)]
    result = run_cli(tmp_path, "--out", tmp_path / "out", "--report", *only)
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert Nesting(page).open == []
    assert not re.search(r"(src|href)=.(?!data:)", page)
    titles = re.findall("<h2>(.*?)</h2>", page)
    before, after = (
        ["Question", "Answer", "What was fixed", "What varied"],
        ["Not drawn", "Failed and missing cells", "Provenance"],
    )
    assert titles == [*before, "Contrasts", "Balance", *after]
    assert page.index("class=headline") < page.index("<h2>Question")
    images = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", page)]
    assert images == [(tmp_path / "out" / f"{name}.png").read_bytes() for name in ("speedup", "imbalance")]
    assert page.count('style="--inches:3.5"') == 2 and rcParams["savefig.dpi"] == report.DOTS_PER_INCH
    assert "Is &lt;switch&gt; faster &amp; better?" in page
    assert "a disk was full" in page
    answers, provenance = (list(csv.reader((tmp_path / "out" / f"{name}.csv").open())) for name in ("answer", "provenance"))
    assert answers[0] == ["contrast", "verdict", "answer"] and answers[1][2] in page
    assert ["build_type", "Release"] in provenance
    assert "<td>contrasts</td><td>no [[contrast]] was declared" in page
    assert "<td>commit</td><td>abcdef0123</td>" in page
    assert "<td>switch</td><td>switch</td><td>6</td>" in page


def test_of_many_keys_the_report_tells_what_an_arm_has_otherwise_than_the_baseline(tmp_path):
    keys = {"gate.kind": "switch", "capacity.factor": 2.0, "layout.tp": 1, "batch.sequences": 16, "layout.ep": 2}
    paths = (
        write_arm(tmp_path, "usual")
        + write_arm(tmp_path, "one", 1, {"gate.kind": "switch"})
        + write_arm(tmp_path, "all", 1, keys)
    )
    labels = {path: {"arm": name} for path, name in zip(paths, ("a usual one", "another gate", "another all"), strict=True)}
    _, table = report._varied(study_of(paths, labels=labels))
    assert "<th>otherwise than a usual one</th>" in table and "<td>a usual one</td><td>-</td>" in table
    assert "<td>another gate</td><td>gate.kind = &quot;switch&quot;</td><td>1</td>" in table
    assert "batch.sequences = 16, capacity.factor = 2.0, gate.kind" in table
    _, few = report._varied(study_of(paths[:2], labels=labels))
    assert "<th>gate.kind</th>" in few


def test_every_figure_has_its_place_in_the_report():
    placed = [name for _, _, names in report_order.SECTIONS for name in names]
    assert sorted(placed) == figures.names()


def test_figures_that_the_question_is_about_come_first():
    drawn = [("memory", "memory"), ("mfu", "mfu"), ("loss", "loss"), ("contrasts", "contrasts"), ("busbw", "busbw")]
    first = {"measure": "mfu_measured_executed"}, {"measure": "payload_bytes_per_token/ep"}
    titles = [title for title, _ in report_order.sections(drawn, first)]
    assert titles == ["Contrasts", "Communication", "Utilisation", "Loss", "Memory and energy"]
    assert [title for title, _ in report_order.sections(drawn, [])] == [
        *("Contrasts", "Loss", "Communication", "Utilisation", "Memory and energy")
    ]


def test_figures_that_no_contrast_is_about_stand_apart_under_one_heading(tmp_path):
    (tmp_path / "x.png").write_bytes(bytes(24))
    drawn = [(name, "x", Table(n=("", [1]))) for name in ("contrasts", "loss", "mfu", "memory")]

    def headings(contrasts):
        return re.findall("<h[23]>.*?(?=</)", "".join(report._figures(tmp_path, drawn, contrasts)))

    asked = [{"measure": "held_out_loss"}]
    assert headings(asked) == ["<h2>Contrasts", "<h2>Loss", f"<h2>{report.BESIDE}", "<h3>Utilisation", "<h3>Memory and energy"]
    assert headings([]) == ["<h2>Contrasts", "<h2>Loss", "<h2>Utilisation", "<h2>Memory and energy"]


def test_the_answer_is_in_the_words_of_the_contrasts(tmp_path):
    random = write_arm(tmp_path, "random", 6, {"gate.kind": "random"}, timing="free")
    study = study_of([*random, *write_arm(tmp_path, "switch", 6, {"gate.kind": "switch"}, 2.0, timing="free")])
    assert answers.sentences(study) == [("", "", answers.NONE_DECLARED)]
    assert answers.sentences(study_of(random)) == [("", "", "One configuration, so nothing is compared.")]
    arms = {"first": {"gate.kind": "random"}, "second": {"gate.kind": "switch"}}
    away = {"name": "away", "measure": "step_seconds", "first": {"gate.kind": "uniform"}, "second": {"gate.kind": "switch"}}
    study.contrasts = [away, {"name": "loss", "measure": "held_out_loss"} | arms]
    (name, verdict, sentence), (_, no_claim, loss) = answers.sentences(study)
    assert (name, verdict, sentence) == ("away", "no answer", "There are no launches of both its arms.")
    assert no_claim == "no claim, 1 seed only: write seeds = 7"
    assert re.fullmatch(r"Held-out loss of switch is [\d.]+ nat (above|below) that of random \(no interval, n = 1 .*\)\.", loss)
    of_one_name = [{"name": "same", "measure": measure} | arms for measure in ("step_seconds", "held_out_loss")]
    study.contrasts = [*of_one_name, away | {"name": "same"}]
    assert [sentence.split(" of ")[0] for *_, sentence in answers.sentences(study)][:2] == ["Step time", "Held-out loss"]
    assert [verdict for _, verdict, _ in answers.sentences(study)][2] == "no answer"
    study.contrasts = [{"name": "speed", "measure": "step_seconds"} | arms]
    _, claimed, speed = answers.sentences(study)[0]
    assert claimed == "difference"
    assert re.fullmatch(
        r"Step time of switch is 0\.\d+ times that of random \(95 % interval 0\.\d+ to 0\.\d+, n = 6 paired .*", speed
    )


def test_many_numbers_of_the_provenance_are_a_range():
    assert report._told(["5e9", "1e9", "2e9", "3e9", "4e9"]) == "1e+09 to 5e+09 (5 values)"
    assert report._told(["-", "5", "1", "2", "3", "4"]) == "1 to 5 (5 values)"
    assert report._told(["1", "2"]) == "1; 2" and report._told(["a", "1", "2", "3", "4"]) == "a; 1; 2; 3; 4"
