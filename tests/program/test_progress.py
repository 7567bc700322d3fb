"""`run --progress lines`: what the log of a batch job says of the steps is what the run file holds."""

import re
import signal

import h5py
import pytest

from program import SMOKE, command, execute, finish, start
from test_killed_run import wait_for_first_step
from test_mistakes import overrides

NEVER_AGAIN = 365 * 24 * 3600
LINE = re.compile(r"step (\d+)/(\d+)  loss (\S+)  (\d+) tokens/s  imbalance (\d+\.\d\d)  \d+:\d\d left")


def words(packed, settings, *options, form="lines"):
    return ["run", SMOKE, *overrides(f"data.path={packed} {settings}"), "--out", "run.h5", "--progress", form, *map(str, options)]


def lines(outcome):
    """[(step, of steps, loss, imbalance)]; Open MPI 5's mpirun brings the ranks' stderr in its stdout."""
    found = [line for line in (outcome.err + outcome.out).splitlines() if line.startswith("step ")]
    matches = [LINE.fullmatch(line) for line in found]
    assert all(matches), found
    return [(int(match[1]), int(match[2]), match[3], match[5]) for match in matches]


def stored(path, step, steps):
    with h5py.File(path) as file:
        loss = file["raw/loss/cross_entropy"][step - 1]
        imbalance = file["derived/imbalance/experts/max_over_mean"][step - 1].max()
    return step, steps, f"{loss:.4f}", f"{imbalance:.2f}"


def test_each_line_says_what_the_run_file_holds(ranks, packed, tmp_path):
    outcome = execute(*words(packed, f"layout.ep={ranks}", "--progress-seconds", 0), ranks=ranks, cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert lines(outcome) == [stored(tmp_path / "run.h5", step, 4) for step in (1, 2, 3, 4)]
    assert "\r" not in outcome.err + outcome.out and "\033" not in outcome.err + outcome.out


def test_between_the_first_and_the_last_step_lines_are_rare(packed, tmp_path):
    outcome = execute(*words(packed, "train.steps=30", "--progress-seconds", NEVER_AGAIN), cwd=tmp_path)
    assert outcome.code == 0 and [line[:2] for line in lines(outcome)] == [(1, 30), (30, 30)], outcome


def test_a_run_that_diverged_names_the_step_in_which_it_did(packed, tmp_path):
    diverging = "train.steps=50 eval.every=0 optimizer.learning_rate=1e30 optimizer.warm_up_steps=0 optimizer.clip_norm=0"
    outcome = execute(*words(packed, diverging, "--progress-seconds", NEVER_AGAIN), cwd=tmp_path)
    with h5py.File(tmp_path / "run.h5.partial") as file:
        done = int(file["steps_done"][()])
    assert outcome.code == 1 and [line[0] for line in lines(outcome)] == [1, done], outcome
    assert outcome.err.index(f"step {done}/50") < outcome.err.index("moescope: ")


def test_a_run_that_a_signal_stopped_says_how_far_it_came(packed, tmp_path):
    process = start(command(*words(packed, "train.steps=20000 eval.every=0", "--progress-seconds", NEVER_AGAIN)), tmp_path)
    wait_for_first_step(process, tmp_path / "run.h5.partial")
    process.send_signal(signal.SIGUSR2)
    outcome = finish(process)
    with h5py.File(tmp_path / "run.h5.partial") as file:
        done = int(file["steps_done"][()])
    assert outcome.code == 75 and sorted({1, done}) == [line[0] for line in lines(outcome)], outcome


@pytest.mark.parametrize("form", ["auto", "never"])
def test_no_other_form_prints_lines(form, packed, tmp_path):
    outcome = execute(*words(packed, "", form=form), cwd=tmp_path)
    assert outcome.code == 0 and lines(outcome) == [], outcome
