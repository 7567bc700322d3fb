"""Checkpoints and what goes on from them: the numbers are those of a run that nobody disturbed."""

import os
import signal
import time

import h5py
import numpy as np
import pytest

from program import SMOKE, command, execute, finish, start
from test_killed_run import rank_processes, start_long_run
from test_mistakes import overrides, refused

STEPS = 12
NUMBERS = ("raw/loss/total", "raw/loss/balance", "raw/gradient_norm", "raw/eval/loss", "raw/expert_tokens_routed")
COUNTS = ("raw/collective_payload_bytes", "raw/rank_rows", "raw/expert_tokens_routed_by_rank", "derived/summary/imbalance_rank")
STOPPED = 75


def arguments(packed, out, settings=""):
    settings = f"data.path={packed} train.steps={STEPS} train.dtype=float64 {settings}"
    return ["run", SMOKE, *overrides(settings), "--out", out]


def run(packed, folder, out, settings="", *more, ranks=1):
    outcome = execute(*arguments(packed, out, settings), *more, ranks=ranks, cwd=folder)
    assert outcome.code == 0, outcome
    return h5py.File(folder / out)


def checkpoints(folder, out="run.h5"):
    return sorted(path.name for path in (folder / f"{out}.checkpoints").iterdir())


def equal(a, b, names):
    return [name for name in names if not np.array_equal(a[name][()], b[name][()], equal_nan=True)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_resumed_run_has_the_bits_of_an_undisturbed_one(dtype, ranks, packed, tmp_path):
    settings = f"layout.ep={ranks} train.dtype={dtype} record.choices=true"
    whole = run(packed, tmp_path, "whole.h5", settings, ranks=ranks)
    run(packed, tmp_path, "run.h5", f"{settings} checkpoint.every=5 checkpoint.keep=2", ranks=ranks)
    assert checkpoints(tmp_path) == ["step_00000005", "step_00000010"]
    last = run(packed, tmp_path, "last.h5", settings, "--resume", "run.h5.checkpoints/step_00000005", ranks=ranks)
    assert equal(whole, last, (*NUMBERS, *COUNTS, "raw/choices")) == []
    assert list(last["raw/attempt"]) == [0] * 5 + [1] * 7
    assert (last.attrs["parent"], last.attrs["attempt"]) == (b"run.h5", 1)
    assert int(last["steps_done"][()]) == STEPS


@pytest.mark.parametrize(
    "before, ranks_before, after, ranks_after",
    [
        ("layout.tp=2 layout.ep=2", 4, "layout.ep=4", 4),
        ("layout.ep=2", 2, "", 1),
        ("", 1, "layout.tp=2 train.dispatcher=all_gather", 2),
    ],
)
def test_another_layout_goes_on_with_the_same_numbers(before, ranks_before, after, ranks_after, packed, tmp_path):
    whole = run(packed, tmp_path, "whole.h5")
    shorter = f"train.steps=5 checkpoint.every=4 optimizer.schedule_steps={STEPS}"
    run(packed, tmp_path, "first.h5", f"{before} {shorter}", ranks=ranks_before).close()
    last = run(packed, tmp_path, "last.h5", after, "--resume", "first.h5.checkpoints", ranks=ranks_after)
    assert equal(whole, last, ["raw/expert_tokens_routed"]) == []
    for name in ("raw/loss/total", "raw/gradient_norm", "raw/eval/loss"):
        np.testing.assert_allclose(last[name][()], whole[name][()], rtol=1e-12)


def test_old_checkpoints_go_when_a_new_one_is_whole(packed, tmp_path):
    run(packed, tmp_path, "run.h5", "checkpoint.every=3")
    assert checkpoints(tmp_path) == ["step_00000012"]
    longer = run(
        packed, tmp_path, "longer.h5", f"train.steps=14 optimizer.schedule_steps={STEPS}", "--resume", "run.h5.checkpoints"
    )
    assert int(longer["steps_done"][()]) == 14


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_a_signal_asks_for_a_checkpoint_and_another_for_the_end(ranks, packed, tmp_path):
    """The launcher passes both on to every rank."""
    process = start_long_run(packed, tmp_path, "train.dtype=float64", ranks=ranks)
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: (tmp_path / "run.h5.checkpoints").is_dir() and [n for n in checkpoints(tmp_path) if "." not in n])
    assert process.poll() is None
    process.send_signal(signal.SIGUSR2)
    outcome = finish(process)
    assert outcome.code == STOPPED, outcome
    assert "--resume run.h5.checkpoints" in outcome.out.strip().splitlines()[-1]
    (newest,) = checkpoints(tmp_path)
    with h5py.File(tmp_path / "run.h5.partial") as file:
        assert file.attrs["status"] == b"stopped"
        assert int(file["steps_done"][()]) == int(newest.removeprefix("step_"))


def test_a_signal_before_the_first_step_is_answered_after_it(packed, tmp_path):
    process = start(command(*arguments(packed, "run.h5", "train.steps=20000 eval.every=0 record.detail_every=1000")), tmp_path)
    wait_for(lambda: (tmp_path / "run.h5.partial").exists())
    process.send_signal(signal.SIGUSR2)
    assert finish(process).code == STOPPED
    assert len(checkpoints(tmp_path)) == 1


def test_a_terminated_program_leaves_a_checkpoint(packed, tmp_path):
    process = start_long_run(packed, tmp_path, ranks=1)
    process.terminate()
    assert finish(process).code == STOPPED
    assert len(checkpoints(tmp_path)) == 1


def test_signals_interrupt_no_product(packed, tmp_path):
    """Hundreds of them change no bit: oneDNN's products do not survive a handler (its issue 4845)."""
    settings = "train.steps=200 train.dtype=float32 eval.every=0"
    whole = run(packed, tmp_path, "whole.h5", settings)
    process = start(command(*arguments(packed, "run.h5", f"{settings} checkpoint.every=1000")), tmp_path)
    wait_for(lambda: (tmp_path / "run.h5.partial").exists())
    while process.poll() is None:
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.001)
    outcome = finish(process)
    assert outcome.code == 0, outcome
    assert checkpoints(tmp_path)
    assert equal(whole, h5py.File(tmp_path / "run.h5"), NUMBERS) == []


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_run_goes_on_under_its_own_name(victim, packed, tmp_path):
    settings = "layout.ep=2 checkpoint.every=1"
    process = start_long_run(packed, tmp_path, "train.dtype=float64", *settings.split())
    wait_for(lambda: (tmp_path / "run.h5.checkpoints").is_dir() and [n for n in checkpoints(tmp_path) if "." not in n])
    os.kill(rank_processes(process.pid)[victim], signal.SIGKILL)
    assert finish(process).code != 0
    done = max(int(name.removeprefix("step_")) for name in checkpoints(tmp_path) if "." not in name)
    steps = f"train.steps={done + 3} optimizer.schedule_steps=20000 eval.every=0"
    last = run(packed, tmp_path, "run.h5", f"{settings} {steps}", "--resume", "run.h5.checkpoints", ranks=2)
    assert last.attrs["parent"] == b"run.h5.partial.1"
    assert list(last["raw/attempt"]) == [0] * done + [1] * 3
    assert [name for name in checkpoints(tmp_path) if name.endswith(".partial")] == []
    whole = run(packed, tmp_path, "whole.h5", f"layout.ep=2 {steps}", ranks=2)
    assert equal(whole, last, ["raw/loss/total", "raw/gradient_norm", "raw/collective_payload_bytes"]) == []


def test_a_run_killed_between_its_last_step_and_its_end_is_brought_to_it(ranks, packed, tmp_path):
    whole = run(packed, tmp_path, "whole.h5", f"layout.ep={ranks} checkpoint.every=6", ranks=ranks)
    (tmp_path / "whole.h5").rename(tmp_path / "whole.h5.partial")
    last = run(packed, tmp_path, "last.h5", f"layout.ep={ranks}", "--resume", "whole.h5.checkpoints", ranks=ranks)
    assert equal(whole, last, NUMBERS + COUNTS) == [] and last.attrs["status"] == b"complete"
    assert list(last["raw/attempt"]) == [0] * STEPS


@pytest.fixture
def interrupted(packed, tmp_path):
    run(packed, tmp_path, "run.h5", "checkpoint.every=5 checkpoint.keep=9").close()
    return tmp_path


def damage_index(folder):
    index = folder / "run.h5.checkpoints/step_00000010/checkpoint.json"
    index.write_text(index.read_text()[:-20])


def damage_shard(folder):
    os.truncate(folder / "run.h5.checkpoints/step_00000010/shard_00000.safetensors", 5000)


def flip_bit(folder):
    shard = folder / "run.h5.checkpoints/step_00000010/shard_00000.safetensors"
    data = bytearray(shard.read_bytes())
    data[-100] ^= 4
    shard.write_bytes(data)


def lose_shard(folder):
    (folder / "run.h5.checkpoints/step_00000010/shard_00000.safetensors").unlink()


def lose_run_file(folder):
    (folder / "run.h5").unlink()


MISTAKES = {
    "another learning rate": ("optimizer.learning_rate=1", None, "optimizer.learning_rate = 0.001, this run has 1.0"),
    "another model": ("model.top_k=1", None, "model.top_k = 2, this run has 1"),
    "another type": ("train.dtype=float32", None, 'train.dtype = "float64"'),
    "another end of the schedule": ("train.steps=24", None, "optimizer.schedule_steps = 12, this run has 24"),
    "fewer steps": (f"train.steps=9 optimizer.schedule_steps={STEPS}", None, "written after 10 steps, and train.steps = 9"),
    "damaged index": ("", damage_index, "checkpoint.json", "JSON is not valid"),
    "damaged shard": ("", damage_shard, "shard_00000.safetensors"),
    "flipped bit": ("", flip_bit, "shard_00000.safetensors: is damaged", "step_00000005"),
    "missing shard": ("", lose_shard, "shard_00000.safetensors"),
    "missing run file": ("", lose_run_file, "run.h5", "put it back"),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=[name.replace(" ", "-") for name in MISTAKES])
def test_what_cannot_be_resumed_is_refused(mistake, ranks, interrupted, packed):
    settings, damage, *parts = MISTAKES[mistake]
    if damage:
        damage(interrupted)
    outcome = execute(*arguments(packed, "last.h5", settings), "--resume", "run.h5.checkpoints", ranks=ranks, cwd=interrupted)
    refused(outcome, *parts)
    assert not (interrupted / "last.h5").exists()


def test_no_checkpoint_is_no_place_to_go_on_from(ranks, packed, tmp_path):
    refused(execute(*arguments(packed, "run.h5"), "--resume", "absent", ranks=ranks, cwd=tmp_path), "absent", "no checkpoint")


def test_a_run_from_the_start_spares_the_checkpoints_of_another(ranks, interrupted, packed):
    (interrupted / "run.h5").unlink()
    refused(execute(*arguments(packed, "run.h5"), ranks=ranks, cwd=interrupted), "run.h5.checkpoints", "--resume", "--overwrite")
    run(packed, interrupted, "run.h5", "", "--overwrite", ranks=ranks)
    assert checkpoints(interrupted) == []


def test_a_disk_that_fills_up_spares_the_checkpoint_before(ranks, packed, tmp_path):
    """Files may grow to more than the size of a run file, not to that of a shard."""
    settings = "model.hidden_size=256 model.intermediate_size=1536 train.dtype=float32 checkpoint.every=5 checkpoint.path=kept"
    shorter = f"train.steps=5 optimizer.schedule_steps={STEPS}"
    run(packed, tmp_path, "run.h5", f"{settings} {shorter}", ranks=ranks).close()
    before = {path: path.read_bytes() for path in (tmp_path / "kept/step_00000005").iterdir()}
    limit = 20_000
    assert max(map(len, before.values())) > 1024 * limit
    outcome = execute(
        *arguments(packed, "last.h5", settings), "--resume", "kept",
        ranks=ranks, before=f"trap '' XFSZ; ulimit -f {limit}", cwd=tmp_path,
    )  # fmt: skip
    refused(outcome, "kept/step_00000010.partial", "File too large")
    assert os.listdir(tmp_path / "kept") == ["step_00000005"]
    assert before == {path: path.read_bytes() for path in before}
    with h5py.File(tmp_path / "last.h5.partial") as file:
        assert int(file["steps_done"][()]) == 10


def test_a_folder_of_checkpoints_belongs_to_one_run(packed, tmp_path):
    process = start_long_run(packed, tmp_path, "checkpoint.path=kept", "checkpoint.every=1000", ranks=1)
    other = execute(*arguments(packed, "other.h5", "checkpoint.path=./kept"), cwd=tmp_path)
    process.kill()
    finish(process)
    refused(other, "kept is being written by another run", f"process {process.pid}", "checkpoint.path")
    outcome = execute(*arguments(packed, "other.h5", "checkpoint.path=kept"), "--overwrite", cwd=tmp_path)
    assert outcome.code == 0, outcome  # the lock of a killed run is taken over


def test_a_checkpoint_path_may_be_a_symbolic_link(packed, tmp_path):
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "kept").symlink_to("far/away")
    run(packed, tmp_path, "run.h5", f"checkpoint.path=kept checkpoint.every=5 train.steps=6 optimizer.schedule_steps={STEPS}")
    last = run(packed, tmp_path, "last.h5", "checkpoint.path=kept", "--resume", "kept")
    assert list(last["raw/attempt"]) == [0] * 5 + [1] * 7


def test_a_run_that_goes_on_from_an_older_checkpoint_keeps_its_own(interrupted, packed):
    older = "run.h5.checkpoints/step_00000005"
    settings = "checkpoint.every=1 checkpoint.path=run.h5.checkpoints checkpoint.keep=1 train.steps=7"
    settings += f" optimizer.schedule_steps={STEPS}"
    run(packed, interrupted, "second.h5", settings, "--resume", older)
    assert checkpoints(interrupted) == ["step_00000007"]


def test_a_checkpoint_that_replaces_one_of_its_name_leaves_nothing_else(interrupted, packed):
    settings = (
        f"checkpoint.every=5 checkpoint.path=run.h5.checkpoints checkpoint.keep=9 train.steps=11 optimizer.schedule_steps={STEPS}"
    )
    before = (interrupted / "run.h5.checkpoints/step_00000010/checkpoint.json").read_text()
    run(packed, interrupted, "second.h5", settings, "--resume", "run.h5.checkpoints/step_00000005")
    assert checkpoints(interrupted) == ["step_00000005", "step_00000010"]
    assert (interrupted / "run.h5.checkpoints/step_00000010/checkpoint.json").read_text() != before


def test_what_a_replaced_checkpoint_was_is_found_where_the_new_one_never_came(interrupted, packed):
    folder = interrupted / "run.h5.checkpoints"
    (folder / "step_00000010").rename(folder / "step_00000010.replaced")
    last = run(packed, interrupted, "last.h5", "", "--resume", "run.h5.checkpoints")
    assert list(last["raw/attempt"]) == [0] * 10 + [1] * 2


def test_a_checkpoint_holds_numbers(ranks, packed, tmp_path):
    """The last update makes the parameters no numbers, which no loss of a step has seen."""
    settings = "optimizer.learning_rate=1e38 optimizer.weight_decay=1e4 optimizer.clip_norm=0 optimizer.warm_up_steps=0"
    settings += " eval.every=0 train.dtype=float32"
    outcome = execute(*arguments(packed, "run.h5", f"{settings} checkpoint.every=1 train.steps=2"), ranks=ranks, cwd=tmp_path)
    refused(outcome, "the training diverged", "optimizer.learning_rate")
    left = tmp_path / "run.h5.checkpoints"
    assert not left.exists() or os.listdir(left) == []
