"""A dry run needs no launcher and no data, and speaks of the very run that would follow."""

import json

import h5py
import pytest

from program import GOLDEN, ROOT, SMOKE, execute

LARGE = ["--set", "layout.ranks=64", "--set", "layout.tp=4", "--set", "layout.ep=4"]


def dry_run(*arguments, cwd, before=""):
    outcome = execute("run", SMOKE, "--dry-run", *arguments, before=before, cwd=cwd)
    assert outcome.code == 0 and outcome.err == "", outcome
    return outcome.out


def test_the_text_names_layout_parameters_memory_bytes_and_keys(tmp_path):
    text = dry_run(*LARGE, cwd=tmp_path)
    for part in (
        "64 ranks",
        "tp 4",
        "ep 4",
        "parameters: 108000",
        "memory of the heaviest rank",
        "payload of one step",
        "KiB",
        "ep.dispatch.forward",
        "dp.gradients",
        "computation_key ",
        "cell_key ",
    ):
        assert part in text
    assert not list(tmp_path.iterdir())


def test_the_json_says_the_same(tmp_path):
    text, data = dry_run(*LARGE, cwd=tmp_path), json.loads(dry_run(*LARGE, "--json", cwd=tmp_path))
    assert data["layout"] == {"ranks": 64, "tp": 4, "dp": 16, "ep": 4, "etp": 4, "edp": 4, "order": "tp-ep-dp"}
    memory = data["memory_bytes_of_heaviest_rank"]
    assert memory.pop("total") == sum(memory.values()) and len(memory) == 4
    assert data["parameters"]["total"] == 108000
    for key in ("computation_key", "cell_key"):
        assert f"{key} {data[key]}" in text


@pytest.mark.parametrize(
    "settings, part",
    [
        (["layout.ranks=64", "layout.tp=3"], "layout.tp = 3"),
        (["layout.ranks=64", "layout.tp=4", "layout.ep=8", "model.num_experts=4"], "ep = 8"),
        (["layout.ranks=64", "layout.tp=32"], "tp = 32"),
    ],
)
def test_an_impossible_layout_is_refused(settings, part, tmp_path):
    overrides = [word for setting in settings for word in ("--set", setting)]
    outcome = execute("run", SMOKE, "--dry-run", *overrides, cwd=tmp_path)
    assert outcome.code == 1 and len(outcome.errors) == 1 and part in outcome.errors[0], outcome


def test_what_its_author_may_not_expect_is_noticed(packed, tmp_path):
    settings = [f"data.path={packed}", "gate.kind=switch", "capacity.factor=0.001", "optimizer.warm_up_steps=5"]
    words = [word for setting in settings for word in ("--set", setting)]
    for more in (["--dry-run"], ["--dry-run", "--json"], ["--out", "run.h5"]):
        outcome = execute("run", SMOKE, *words, *more, cwd=tmp_path)
        assert outcome.code == 0 and not outcome.errors, outcome
        notices = [line for line in outcome.err.splitlines() if line.startswith("notice: ")]
        for part in ("model.top_k = 2 decides nothing", "every choice is dropped", "never reaches its peak"):
            assert sum(part in line for line in notices) == 1, outcome


def test_what_a_file_does_not_say_of_a_step_is_named_as_assumed(tmp_path):
    (tmp_path / "mine.toml").write_text(execute("config", GOLDEN / "noisy_topk_mlp_train", cwd=tmp_path).out)
    told = "a step: 8 sequences of 128 tokens in 1 micro-step, float32; assumed, as not given: "
    keys = ["batch.sequences", "batch.sequence_length", "batch.micro_steps", "train.dtype"]
    for given in range(len(keys) + 1):
        values = [f"{key}={value}" for key, value in zip(keys[:given], ("8", "128", "1", "float32"), strict=False)]
        words = ["run", "mine.toml", "--dry-run", *(word for value in values for word in ("--set", value))]
        text, data = (execute(*words, *more, cwd=tmp_path).out for more in ([], ["--json"]))
        assert (told + ", ".join(keys[given:]) + "\n" if given < 4 else told[: told.index(";")] + "\n") in text
        assert json.loads(data)["assumed"] == keys[given:]


@pytest.mark.parametrize("before", ["", "unset OMP_NUM_THREADS", "export OMP_NUM_THREADS=2"])
@pytest.mark.parametrize("count, settings", [(1, []), (2, ["layout.ep=2"]), (4, ["layout.tp=2", "layout.ep=2"])])
def test_its_keys_are_those_of_the_run(count, settings, before, packed, tmp_path):
    overrides = [word for setting in [f"data.path={packed}", *settings] for word in ("--set", setting)]
    planned = json.loads(dry_run(*overrides, "--set", f"layout.ranks={count}", "--json", cwd=tmp_path, before=before))
    done = execute("run", SMOKE, *overrides, "--out", "run.h5", ranks=count, before=before, cwd=tmp_path)
    assert done.code == 0, done
    with h5py.File(tmp_path / "run.h5") as file:
        for key in ("computation_key", "cell_key"):
            assert file["config"].attrs[key].decode() == planned[key]


@pytest.mark.parametrize(
    "settings, ranks",
    [
        ([], 2),  # the file says ep = 2
        (["layout.tp=2", "layout.ep=4"], 8),
        (["layout.tp=6", "layout.ep=4", "layout.etp=1", "model.num_heads=6", "model.hidden_size=192"], 12),
        (["layout.dp=6"], 6),
        (["layout.ep=1", "layout.edp=3"], 3),
    ],
)
def test_without_ranks_it_takes_the_fewest_that_the_layout_allows(settings, ranks, tmp_path):
    overrides = [word for setting in settings for word in ("--set", setting)]
    outcome = execute("run", ROOT / "experiments/first_run/base.toml", "--dry-run", *overrides, cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert outcome.out.startswith(f"{ranks} ranks = ") and "the fewest that the layout allows" in outcome.out.splitlines()[0]
