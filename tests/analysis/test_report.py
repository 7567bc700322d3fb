"""The page of a study holds everything itself: figures, their tables, what failed and why, provenance."""

import base64
import re
from html.parser import HTMLParser

from synthetic_run import write_sweep
from test_figures import run_cli

VOID = {"meta", "img"}


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
    images = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", page)]
    assert images == [(tmp_path / "out" / f"{name}.png").read_bytes() for name in ("speedup", "imbalance")]
    assert "Is &lt;switch&gt; faster &amp; better?" in page
    assert "a disk was full" in page
    assert "<td>contrasts</td><td>no [[contrast]] was declared" in page
    assert "<td>commit</td><td>abcdef0123</td>" in page
    assert "<td>switch</td><td>switch</td><td>6</td>" in page
