"""What export.py writes is what the run file holds, under the names that docs/watching_a_run.md lists."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import scalars
from run_file import Run
from synthetic_run import COLLECTIVES, DOMAINS, STEPS, WARM_UP, write_run

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/watching_a_run.md").read_text(encoding="utf-8").split("## In TensorBoard")[1]


def export(*arguments, python=sys.executable, **environment):
    words = [python, ROOT / "analysis/export.py", *arguments]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment or None)


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows if row[name]])


def test_the_csv_holds_the_files_arrays_to_the_last_digit(tmp_path):
    path = write_run(tmp_path / "run.h5", timing="free")
    done = export(path)
    assert done.returncode == 0 and f"{STEPS} steps, {WARM_UP} of them warm-up" in done.stdout, done
    rows = table(tmp_path / "export/run.csv")
    assert [int(row["_step"]) for row in rows] == [*range(STEPS + 1)]  # step 0: held-out loss before training
    with h5py.File(path) as file:
        payload = file["raw/collective_payload_bytes"][()]
        expected = {
            "train/loss": file["raw/loss/cross_entropy"][()],
            "train/balance_loss/1.ffn": file["raw/loss/balance"][:, 1],
            "train/warm_up": file["raw/warm_up"][()],
            "time/step_seconds": file["raw/step_seconds"][()].max(axis=1),
            "imbalance/expert": file["derived/imbalance/experts/max_over_mean"][()].mean(axis=1),
            "payload_bytes": payload.sum(axis=(1, 2)),
            f"payload_bytes/{COLLECTIVES[2]}": payload[:, :, 2].sum(axis=1),
            "memory_bytes": file["raw/memory_bytes"][()].max(axis=1),
        }
        held_out = file["raw/eval/loss"][()]
    for name, values in expected.items():
        np.testing.assert_array_equal(column(rows[1:], name), values, name)
    for number, domain in enumerate(DOMAINS):
        np.testing.assert_array_equal(column(rows, f"eval/loss/{domain}"), held_out[:, number])
    about = json.loads((tmp_path / "export/run.json").read_text())
    assert about["config"]["gate.kind"] == "noisy_top_k" and about["marks"] == []


def test_a_phased_run_has_phases_and_no_step_time_or_throughput(tmp_path):
    path = write_run(tmp_path / "run.h5")
    with h5py.File(path, "r+") as file:
        file["derived/tokens_per_second"] = np.full(STEPS, np.nan)
    assert export(path).returncode == 0
    names = table(tmp_path / "export/run.csv")[0]
    assert "time/phase_seconds/experts" in names
    assert not [name for name in names if name.startswith("throughput/") or name == "time/step_seconds"]


def test_no_time_is_told_of_more_threads_than_cores(tmp_path):
    for timing in ("free", "phased"):
        run = Run(write_run(tmp_path / f"{timing}.h5", timing=timing, oversubscribed=1))
        assert not [name for name in scalars.of_steps(run) if name.startswith("time/")]


def test_a_number_that_a_step_lacks_stays_visible_and_one_never_told_is_left_out(tmp_path):
    path = write_run(tmp_path / "run.h5")
    with h5py.File(path, "r+") as file:
        file["raw/loss/cross_entropy"][3] = np.nan
        file["raw/memory_bytes"][...] = -1
    assert export(path).returncode == 0
    rows = table(tmp_path / "export/run.csv")
    assert rows[4]["train/loss"] == "nan" and "memory_bytes" not in rows[0]


def test_an_unfinished_run_is_exported_up_to_its_last_step(tmp_path):
    path = write_run(tmp_path / "run.h5.partial", status="running", steps_done=4)
    done = export(path, "--out", tmp_path)
    assert done.returncode == 0 and f"running: 4 of {STEPS} steps" in done.stdout
    assert [row["_step"] for row in table(tmp_path / "run.csv")] == ["0", "1", "2", "3", "4"]


def test_two_files_of_one_name_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    paths = [write_run(tmp_path / "run.h5"), write_run(tmp_path / "other/run.h5")]
    done = export(*paths)
    assert done.returncode == 1 and "another run file is called run too" in done.stderr and "Traceback" not in done.stderr


def test_every_name_is_documented(tmp_path):
    documented = {name.split("/{")[0] for name in re.findall(r"^\| `([^`]+)`", GUIDE, re.MULTILINE)}
    names = {source.name for source in scalars.SOURCES} | {"eval/loss"}
    known = {re.sub(r"^mfu_(stated|measured)/.*", "mfu_PEAK/NUMERATOR", name) for name in names}
    assert {re.sub(r"/(ROUTER|PHASE|EXCHANGE|DOMAIN)$", "", name) for name in documented} == known


def test_without_tensorboard_one_sentence_says_how_to_get_it(tmp_path):
    (tmp_path / "tensorboard.py").write_text("raise ImportError")
    done = export(write_run(tmp_path / "run.h5"), "--to", "tensorboard", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and "pip install tensorboard" in done.stderr and done.stderr.count("\n") == 1


def test_tensorboard_reads_back_what_was_written_once(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path = write_run(tmp_path / "run.h5", timing="free")
    for _ in range(2):
        assert export(path, "--to", "tensorboard").returncode == 0
    read = EventAccumulator(str(tmp_path / "export/run"))
    read.Reload()
    run = Run(path)
    expected = scalars.of_steps(run)
    assert set(read.Tags()["scalars"]) == {*expected, *(f"eval/loss/{domain}" for domain in DOMAINS)}
    for name, values in expected.items():
        assert [event.step for event in read.Scalars(name)] == [*range(1, STEPS + 1)]
        np.testing.assert_array_equal([event.value for event in read.Scalars(name)], values.astype(np.float32))
    assert [event.step for event in read.Scalars("eval/loss/code")] == run.evaluations()[0].tolist()


def test_the_lines_for_weights_and_biases_log_each_row(tmp_path):
    """With a stand-in for wandb, which writes down what it is given."""
    (lines,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "results/first_run").mkdir(parents=True)
    assert export(write_run(tmp_path / "results/first_run/run.h5")).returncode == 0
    (tmp_path / "wandb.py").write_text(
        "class init:\n    def __init__(self, project, config): print('config', config['gate.kind'])\n"
        "    def log(self, values, step): print(step, len(values), values.get('train/loss'))\n"
        "    def finish(self): print('finished')\n"
    )
    done = subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": "."})
    printed = done.stdout.splitlines()
    assert done.returncode == 0 and printed[0] == "config noisy_top_k" and printed[-1] == "finished", done
    assert [line.split()[0] for line in printed[1:-1]] == [str(step) for step in range(STEPS + 1)]
