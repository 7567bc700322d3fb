"""`inspect` says what the run did, and in each of its forms the same."""

import csv
import math
import os
import re
import shutil
import signal
import time

import pytest

from program import SMOKE, execute
from test_crowded import CORES
from test_killed_run import start_long_run
from test_mistakes import overrides


def run(packed, folder, settings, before=""):
    words = ["run", SMOKE, *overrides(f"data.path={packed} train.steps=8 eval.every=0 {settings}"), "--out", "run.h5"]
    outcome = execute(*words, before=before, cwd=folder)
    assert outcome.code == 0, outcome


def inspected(folder, *words):
    outcome = execute("inspect", *words, cwd=folder)
    assert outcome.code == 0 and outcome.err == "", outcome
    return outcome.out


@pytest.mark.parametrize("kind, chosen", [("noisy_top_k", 2), ("switch", 1), ("uniform", 4), ("random", 2)])
def test_the_choices_are_those_that_a_token_made(kind, chosen, packed, tmp_path):
    run(packed, tmp_path, f"gate.kind={kind}")
    text = inspected(tmp_path, "run.h5")
    assert f"4 experts ({chosen} chosen by a token), gate {kind}\n" in text and not re.search(r"\btop \d", text)


TWO_ON_ONE_CORE = f"export OMP_NUM_THREADS=2; taskset -cp {CORES[0]} $$ >/dev/null"


@pytest.mark.parametrize(
    "timing, before, reason",
    [
        ("free", "export OMP_NUM_THREADS=1", ""),
        ("phased", "", "phased run"),
        ("free", TWO_ON_ONE_CORE, "more threads than cores"),
    ],
    ids=["free", "phased", "crowded"],
)
def test_what_is_no_figure_in_words_is_no_number_as_csv(timing, before, reason, packed, tmp_path):
    run(packed, tmp_path, f"train.timing={timing} machine.stated_peak_flops=1e12", before)
    text = inspected(tmp_path, "run.h5")
    header, *rows = csv.reader(inspected(tmp_path, "run.h5", "--csv").splitlines())
    speeds = [i for i, name in enumerate(header) if re.search("tokens_per_second|tgs|mfu", name)]
    assert len(speeds) == 2 + 2 * 5 and len(rows) == 8
    assert all(math.isnan(float(row[i])) == bool(reason) for row in rows for i in speeds)
    assert text.count("no figure") == (4 if reason else 0)
    assert re.search(f"times .*{reason}.* NaN" if reason else "throughput .* tokens/s", text)


def test_a_run_that_lives_and_one_that_was_killed_are_told_apart(packed, tmp_path):
    process = start_long_run(packed, tmp_path, "layout.ep=1", ranks=1)
    text = inspected(tmp_path, "run.h5.partial")
    assert re.search(rf"written +nothing since [\d-]+T[\d:]+Z; process {process.pid} on this host is writing it\n", text)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    written = os.stat(tmp_path / "run.h5.partial").st_mtime
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(written))
    told = f"nothing since {since}; process {process.pid} on this host, which wrote it, lives no longer: the run was killed\n"
    assert told in inspected(tmp_path, "run.h5.partial")
    (tmp_path / "run.h5.lock").write_text("elsewhere 7 1\n")
    assert f"nothing since {since}; process 7 on elsewhere holds its lock" in inspected(tmp_path, "run.h5.partial")
    shutil.move(
        tmp_path / "run.h5.partial", tmp_path / "run.h5.partial.1"
    )  # as the next launch does, whose lock is no word on it
    assert f"nothing since {since}\n" in inspected(tmp_path, "run.h5.partial.1")


def test_a_finished_run_says_nothing_of_its_writing(packed, tmp_path):
    run(packed, tmp_path, "")
    assert "nothing since" not in inspected(tmp_path, "run.h5")
