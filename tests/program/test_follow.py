"""`inspect --follow` prints what a run's file gets, ends with the run, and leaves the run alone."""

import re
import signal

import h5py
import pytest

from program import SMOKE, command, execute, finish, start
from test_killed_run import wait_for_first_step
from test_mistakes import RUN_FILES, make, overrides, refused
from test_resume import wait_for

STEPS = 300
LINE = re.compile(r"step (\d+)/(\d+)  loss (\S+)  gradient norm (\S+)  learning rate (\S+)  (\S+) s  imbalance (\S+)")


def a_paused_run(packed, folder, steps=STEPS, settings="layout.ep=1"):
    """One that has done a step."""
    words = ["run", SMOKE, *overrides(f"data.path={packed} train.steps={steps} eval.every=0 {settings}"), "--out", "run.h5"]
    run = start(command(*words), folder)
    wait_for_first_step(run, folder / "run.h5.partial")
    run.send_signal(signal.SIGSTOP)
    return run


def told(folder):
    """[(step, of steps, loss, norm, rate, seconds, imbalance)] and the lines that are of no step."""
    lines = (folder / "told").read_text().splitlines() if (folder / "told").exists() else []
    found = [(LINE.fullmatch(line), line) for line in lines]
    steps = [(int(match[1]), int(match[2]), *match.groups()[2:]) for match, _ in found if match]
    return steps, [line for match, line in found if not match]


def follow(folder, path="run.h5.partial"):
    """A follower that has printed its first line."""
    follower = start(command("inspect", "--follow", path, before="exec >told"), folder)
    wait_for(lambda: told(folder)[0], seconds=60)
    return follower


def stored(path, steps):
    with h5py.File(path) as file:
        raw, imbalance = file["raw"], file["derived/imbalance/experts/max_over_mean"]
        return [
            (
                n,
                steps,
                f"{raw['loss/cross_entropy'][n - 1]:.4f}",
                f"{raw['gradient_norm'][n - 1]:.4g}",
                f"{raw['learning_rate'][n - 1]:.4g}",
                f"{raw['step_seconds'][n - 1].max():.4g}",
                f"{imbalance[n - 1].max():.2f}",
            )
            for n in range(1, int(file["steps_done"][()]) + 1)
        ]


@pytest.mark.parametrize("name", ["run.h5.partial", "run.h5"])
def test_every_step_from_now_on_is_printed_until_the_file_has_its_final_name(name, packed, tmp_path):
    run = a_paused_run(packed, tmp_path)
    follower = follow(tmp_path, name)
    ((first, *_),), others = told(tmp_path)
    assert first < STEPS and others == []
    run.send_signal(signal.SIGCONT)
    done, outcome = finish(run), finish(follower)
    assert (done.code, done.errors, outcome.code, outcome.err) == (0, [], 0, ""), (done, outcome)
    steps, others = told(tmp_path)
    assert steps == stored(tmp_path / "run.h5", STEPS)[first - 1 :]
    assert others in (["run.h5: complete"], ["run.h5.partial: complete"])


def test_interrupted_it_ends_and_the_run_goes_on(packed, tmp_path):
    run = a_paused_run(packed, tmp_path)
    follower = follow(tmp_path)
    follower.send_signal(signal.SIGINT)
    outcome = finish(follower)
    assert outcome.code == 130 and outcome.err == "" and told(tmp_path)[1] == [], outcome
    run.send_signal(signal.SIGCONT)
    assert finish(run).code == 0 and (tmp_path / "run.h5").exists()


@pytest.mark.parametrize(
    "number, said", [(signal.SIGKILL, "nobody writes it any more"), (signal.SIGUSR2, "stopped: stopped by a signal")]
)
def test_it_ends_with_a_run_that_ends_early(number, said, packed, tmp_path):
    run = a_paused_run(packed, tmp_path, steps=20000, settings="record.detail_every=1000")
    follower = follow(tmp_path)
    run.send_signal(number)
    run.send_signal(signal.SIGCONT)
    finish(run)
    outcome = finish(follower)
    steps, (last,) = told(tmp_path)
    assert outcome.code == 0 and outcome.err == "", outcome
    assert last.startswith("run.h5.partial: ") and said in last
    assert steps == stored(tmp_path / "run.h5.partial", 20000)[steps[0][0] - 1 :]


def test_of_a_run_that_has_ended_it_prints_the_last_step(packed, tmp_path):
    run = execute("run", SMOKE, *overrides(f"data.path={packed}"), "--out", "run.h5", cwd=tmp_path)
    assert run.code == 0, run
    for name in ("run.h5", "run.h5.partial"):
        outcome = execute("inspect", "--follow", name, cwd=tmp_path)
        step, end = outcome.out.splitlines()
        assert outcome.code == 0 and end == "run.h5: complete", outcome
        assert (4, 4, *LINE.fullmatch(step).groups()[2:]) == stored(tmp_path / "run.h5", 4)[-1]


@pytest.mark.parametrize("mistake", RUN_FILES)
def test_what_is_no_run_file_is_refused(mistake, tmp_path):
    name, content, *parts = RUN_FILES[mistake]
    make(tmp_path / name, content)
    refused(execute("inspect", "--follow", name, cwd=tmp_path), name, *parts)
