"""`run --log`: each line is whole, says what the run file holds, and costs no run its life."""

import json
import os
import signal

import h5py
import numpy as np
import pytest

from program import SMOKE, command, execute, finish, start
from test_killed_run import wait_for_first_step
from test_mistakes import overrides, refused

FIELDS = ["namespace", "time_ms", "event_type", "key", "value", "metadata"]
LOG = "run.jsonl"


def words(packed, settings="", *options, out="run.h5", log=LOG):
    return ["run", SMOKE, *overrides(f"data.path={packed} {settings}"), "--out", out, "--log", log, *options]


def events(path):
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(list(event) == FIELDS and event["namespace"] == "" for event in found)
    return found


def values(found, key):
    return [event["value"] for event in found if event["key"] == key]


def of(found, key):
    """[(value, metadata)]"""
    return [(event["value"], event["metadata"]) for event in found if event["key"] == key]


def stored_step(file, row):
    return {
        "loss": file["raw/loss/cross_entropy"][row],
        "loss_total": file["raw/loss/total"][row],
        "learning_rate": file["raw/learning_rate"][row],
        "gradient_norm": file["raw/gradient_norm"][row],
        "step_seconds": file["raw/step_seconds"][row].max(),
        "tokens": file["raw/tokens"][row],
        "imbalance": file["derived/imbalance/experts/max_over_mean"][row].max(),
    }


def test_each_line_says_what_the_run_file_holds(ranks, packed, tmp_path):
    outcome = execute(*words(packed, f"layout.ep={ranks} checkpoint.every=3"), ranks=ranks, cwd=tmp_path)
    assert outcome.code == 0, outcome
    found = events(tmp_path / LOG)
    with h5py.File(tmp_path / "run.h5") as file:
        assert of(found, "step") == [(stored_step(file, n), {"step_num": n + 1, "samples_count": 4 * (n + 1)}) for n in range(4)]
        held_out = [
            (loss, {"step_num": step, "samples_count": 4 * step, "domain": domain})
            for step, row in zip(file["raw/eval/at_step"][()], file["raw/eval/loss"][()], strict=True)
            for domain, loss in zip(("code", "prose"), row, strict=True)
        ]
        assert of(found, "eval_accuracy") == held_out
        ((value, begun),) = of(found, "run_start")
        assert value is None and begun["config"] == json.loads(file["config"].attrs["resolved"])
        assert begun["layout"] == file["provenance"].attrs["layout"].decode() and begun["first_step"] == 0
        for name in ("computation_key", "cell_key"):
            assert begun[name] == file["config"].attrs[name].decode()
        assert begun["launch"] == file.attrs["launch"].decode()
    assert of(found, "checkpoint") == [("run.h5.checkpoints/step_00000003", {"step_num": 3, "samples_count": 12})]
    assert of(found, "run_stop") == [(None, {"status": "success", "run_status": "complete", "reason": ""})]
    assert found[-1]["key"] == "run_stop" and not (tmp_path / f"{LOG}.lock").exists()


def test_the_settings_have_mlperfs_names(packed, tmp_path):
    assert execute(*words(packed, "train.seed=7 batch.micro_steps=2"), cwd=tmp_path).code == 0
    found = events(tmp_path / LOG)
    with h5py.File(tmp_path / "run.h5") as file:
        config = json.loads(file["config"].attrs["resolved"])
    assert (config["train"]["seed"], config["batch"]["micro_steps"]) == (7, 2)
    batch, optimizer = config["batch"], config["optimizer"]
    expected = {
        "seed": 7,
        "global_batch_size": batch["sequences"],
        "max_sequence_length": batch["sequence_length"],
        "gradient_accumulation_steps": 2,
        "train_samples": config["train"]["steps"] * batch["sequences"],
        "eval_samples": 2 * config["eval"]["sequences"],
        "opt_name": "adamw",
        "opt_base_learning_rate": optimizer["learning_rate"],
        "opt_adamw_beta_1": optimizer["beta1"],
        "opt_adamw_beta_2": optimizer["beta2"],
        "opt_adamw_epsilon": optimizer["epsilon"],
        "opt_adamw_weight_decay": optimizer["weight_decay"],
        "opt_gradient_clip_norm": optimizer["clip_norm"],
        "opt_learning_rate_decay_schedule": optimizer["schedule"],
        "opt_learning_rate_warmup_steps": optimizer["warm_up_steps"],
    }
    begun = [event["key"] for event in found].index("run_start")
    assert {event["key"]: event["value"] for event in found[:begun]} == expected and len(expected) == begun


def test_a_forward_run_names_no_optimizer(packed, tmp_path):
    outcome = execute(*words(packed, "train.mode=forward eval.every=0"), cwd=tmp_path)
    assert outcome.code == 0, outcome
    found = events(tmp_path / LOG)
    assert not any(event["key"].startswith(("opt_", "eval_")) for event in found) and len(values(found, "step")) == 4


def test_a_resumed_launch_goes_on_in_the_same_log_behind_a_line_that_was_cut_off(packed, tmp_path):
    first = words(packed, "train.steps=5 checkpoint.every=4 optimizer.schedule_steps=8", out="first.h5")
    assert execute(*first, cwd=tmp_path).code == 0
    os.truncate(tmp_path / LOG, (tmp_path / LOG).stat().st_size - 10)
    last = words(packed, "train.steps=8", "--resume", "first.h5.checkpoints", out="last.h5")
    outcome = execute(*last, cwd=tmp_path)
    assert outcome.code == 0, outcome
    lines = (tmp_path / LOG).read_text().splitlines()
    (cut,) = [line for line in lines if not line.endswith("}")]
    assert '"run_stop"' in cut
    found = [json.loads(line) for line in lines if line != cut]
    assert values(found, "init_checkpoint_step") == [4] and [at["first_step"] for _, at in of(found, "run_start")] == [0, 4]
    assert [at["step_num"] for _, at in of(found, "step")] == [1, 2, 3, 4, 5, 5, 6, 7, 8]
    with h5py.File(tmp_path / "last.h5") as file:
        assert [value["loss"] for value in values(found, "step")[-8:]] == [
            *file["raw/loss/cross_entropy"][1:5],
            *file["raw/loss/cross_entropy"][4:],
        ]


def started(packed, folder):
    process = start(command(*words(packed, "train.steps=20000 eval.every=0")), folder)
    wait_for_first_step(process, folder / "run.h5.partial")
    return process


def test_signals_and_what_came_of_them_are_told(packed, tmp_path):
    process = started(packed, tmp_path)
    process.send_signal(signal.SIGUSR2)
    assert finish(process).code == 75
    found = events(tmp_path / LOG)
    done = {"step_num": len(values(found, "step")), "samples_count": 4 * len(values(found, "step"))}
    assert of(found, "signal") == [("stop", done)]
    assert of(found, "checkpoint") == [(f"run.h5.checkpoints/step_{done['step_num']:08}", done)]
    ((_, ended),) = of(found, "run_stop")
    assert (ended["status"], ended["run_status"]) == ("aborted", "stopped") and "run.h5.checkpoints" in ended["reason"]


def test_a_killed_run_leaves_whole_lines_of_every_step(packed, tmp_path):
    process = started(packed, tmp_path)
    process.send_signal(signal.SIGKILL)
    finish(process)
    found = events(tmp_path / LOG)
    with h5py.File(tmp_path / "run.h5.partial") as file:
        done = int(file["steps_done"][()])
        losses = list(file["raw/loss/cross_entropy"][:done])
    told = [value["loss"] for value in values(found, "step")]
    assert done - 1 <= len(told) <= done and told == losses[: len(told)] and values(found, "run_stop") == []


def test_a_run_that_diverged_says_so(packed, tmp_path):
    diverging = "train.steps=50 eval.every=0 optimizer.learning_rate=1e30 optimizer.warm_up_steps=0 optimizer.clip_norm=0"
    assert execute(*words(packed, diverging), cwd=tmp_path).code == 1
    found = events(tmp_path / LOG)
    ((_, ended),) = of(found, "run_stop")
    assert (ended["status"], ended["run_status"]) == ("aborted", "failed") and "the training diverged" in ended["reason"]
    with h5py.File(tmp_path / "run.h5.partial") as file:
        loss = file["raw/loss/total"][: int(file["steps_done"][()])]
    assert [value["loss_total"] for value in values(found, "step")] == [x if np.isfinite(x) else None for x in loss]


# Where no log can be, for a run whose file is run.h5.
PLACES = {
    "a folder": (".", ". is a folder", "--log"),
    "in a folder to come": ("logs/", "logs/ names a folder", "--log"),
    "a device": ("/dev/full", "/dev/full is not a regular file", "--log"),
    "a link to itself": ("loop.jsonl", "loop.jsonl", "symbolic links"),
    "under a file": ("file/run.jsonl", "cannot make the folder file", "Not a directory"),
    "where nobody may write": ("/proc/moescope/run.jsonl", "cannot make the folder /proc/moescope"),
    "where only a shell finds home": ("~/run.jsonl", "--log ~/run.jsonl", "$HOME"),
    "the run file": ("./run.h5", "--log ./run.h5", "is where the run file is written"),
    "the partial run file": ("run.h5.partial", "--log run.h5.partial", "is where the run file is written"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_log_that_cannot_be_written_is_refused_before_the_run(place, packed, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    log, *parts = PLACES[place]
    refused(execute(*words(packed, log=log), cwd=tmp_path), *parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop.jsonl"]


def test_two_ranks_refuse_it_with_one_sentence(packed, tmp_path):
    refused(execute(*words(packed, log="."), ranks=2, cwd=tmp_path), ". is a folder")


def test_two_runs_never_share_a_log(packed, tmp_path):
    process = started(packed, tmp_path)
    refused(execute(*words(packed, out="other.h5"), cwd=tmp_path), f"{LOG} is being written by another run", "--log")
    process.send_signal(signal.SIGUSR2)
    assert finish(process).code == 75 and len(of(events(tmp_path / LOG), "run_start")) == 1


BLOCKS = 20000  # of 1024 bytes: the largest size of a file, far above that of the run file


def execute_on_a_full_disk(packed, folder, room):
    """With `room` bytes left for the log. The limit stands in for a disk."""
    size = BLOCKS * 1024 - room
    (folder / LOG).touch()
    os.truncate(folder / LOG, size)
    outcome = execute(*words(packed), before=f"trap '' XFSZ; ulimit -f {BLOCKS}", cwd=folder)
    return outcome, (folder / LOG).read_bytes()[size:].decode()


def test_a_full_disk_is_met_before_the_first_step(packed, tmp_path):
    outcome, told = execute_on_a_full_disk(packed, tmp_path, 0)
    refused(outcome, LOG, "File too large", "--log")
    assert told == "" and not list(tmp_path.glob("*.h5*"))


def test_a_disk_that_is_full_later_costs_the_log_alone(packed, tmp_path):
    assert execute(*words(packed, log="whole.jsonl"), cwd=tmp_path).code == 0
    (tmp_path / "run.h5").unlink()
    whole = (tmp_path / "whole.jsonl").read_text()
    until_the_second_step = len(whole[: whole.index('"key":"step"', whole.index('"key":"step"') + 1)])
    outcome, told = execute_on_a_full_disk(packed, tmp_path, until_the_second_step + 20)
    assert outcome.code == 0 and outcome.errors == [], outcome
    (notice,) = [line for line in outcome.err.splitlines() if "the log ends here" in line]
    assert notice.startswith("notice: ") and LOG in notice and "File too large" in notice
    assert told.startswith("\n{") and told.endswith("}\n")
    assert [json.loads(line)["key"] for line in told.splitlines()[1:]].count("step") == 1
    with h5py.File(tmp_path / "run.h5") as file:
        assert file.attrs["status"] == b"complete" and int(file["steps_done"][()]) == 4
