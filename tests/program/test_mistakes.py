"""A user's mistake gives one sentence whatever the number of ranks, exit code 1, and no hang."""

import shutil

import pytest

import tensor_file
from program import GOLDEN, SMOKE, command, execute, finish, start


def refused(outcome, *parts):
    """The one sentence, which holds all `parts`."""
    assert outcome.code == 1, outcome
    assert len(outcome.errors) == 1, outcome
    for part in parts:
        assert part in outcome.errors[0]
    for sign in ("terminate called", "Signal:", "std::", "what():"):
        assert sign not in outcome.err + outcome.out, outcome


CONFIGURATION = {
    "unknown key": ("model.hiden_size=64", "model.hiden_size", "did you mean model.hidden_size"),
    "wrong type": ('model.hidden_size="x"', "model.hidden_size", "integer"),
    "no value": ("model.hidden_size", "section.key=value"),
    "out of range": ("train.steps=0", "train.steps = 0", "at least 1"),
    "tp does not divide ranks": ("layout.tp=3", "layout.tp = 3", "does not divide layout.ranks"),
    "ranks differ from the launch": ("layout.ranks=7", "layout.ranks = 7", "launched"),
    "local dispatcher with ep": ("layout.ep=2 train.dispatcher=local", "train.dispatcher", "all_to_all", "layout.ep = 2"),
    "no packed data": ("data.path=nowhere", "nowhere", "data.json", "moescope data pack"),
    "no data": ('data.path=""', "data.path is empty", "moescope data pack"),
    "vocabulary too small": ("model.vocab_size=100", "257", "model.vocab_size is 100"),
    "sequence longer than the text": ("batch.sequence_length=100000", "code", "training part", "100001"),
    "evaluation in broken pools": ("gate.pool=block:2 eval.sequences=3", "eval.sequences = 3", "multiple of the 2 sequences"),
    "held-out part too short": ("batch.sequence_length=4000", "code", "held-out part", "4001"),
}


@pytest.mark.parametrize("mistake", CONFIGURATION)
def test_a_wrong_value_is_refused(mistake, ranks, packed, tmp_path):
    settings, *parts = CONFIGURATION[mistake]
    overrides = [word for setting in settings.split() for word in ("--set", setting)]
    refused(execute("run", SMOKE, "--set", f"data.path={packed}", *overrides, ranks=ranks, cwd=tmp_path), *parts)
    assert not list(tmp_path.glob("**/*.h5*"))


@pytest.mark.parametrize(
    "settings, parts",
    [
        ("layout.tp=2 model.num_heads=1 model.num_kv_heads=1", ("1 attention heads", "tp = 2")),
        ("layout.ep=2 model.num_experts=1 model.top_k=1", ("experts", "ep = 2")),
    ],
)
def test_a_layout_that_the_model_cannot_fill_is_refused(settings, parts, packed, tmp_path):
    overrides = [word for setting in settings.split() for word in ("--set", setting)]
    refused(execute("run", SMOKE, "--set", f"data.path={packed}", *overrides, ranks=2, cwd=tmp_path), *parts)


def test_a_configuration_file_that_cannot_be_read_is_refused(ranks, tmp_path):
    (tmp_path / "bad.toml").write_text("[model]\nvocab_size = = 3\n")
    refused(execute("run", "bad.toml", ranks=ranks, cwd=tmp_path), "bad.toml:2:", "not TOML")
    refused(execute("run", "none.toml", ranks=ranks, cwd=tmp_path), "none.toml", "no such configuration file")
    refused(execute("run", tmp_path, ranks=ranks, cwd=tmp_path), str(tmp_path), "folder")


def test_truncated_data_are_refused(ranks, packed, tmp_path):
    shutil.copytree(packed, tmp_path / "cut")
    with open(tmp_path / "cut/code.train.bin", "r+b") as file:
        file.truncate(100)
    refused(execute("run", SMOKE, "--set", "data.path=cut", ranks=ranks, cwd=tmp_path), "cut/code.train.bin", "100 bytes")


def test_an_output_that_cannot_be_made_is_refused(ranks, packed, tmp_path):
    (tmp_path / "file").write_text("")
    for out, part in (("file", "--overwrite"), ("file/run.h5", "cannot make the folder file"), (tmp_path, "is a folder")):
        refused(execute("run", SMOKE, "--set", f"data.path={packed}", "--out", out, ranks=ranks, cwd=tmp_path), part)
    assert (tmp_path / "file").read_text() == ""


def test_a_full_disk_is_met_before_the_first_step(ranks, packed, tmp_path):
    outcome = execute(
        "run",
        SMOKE,
        "--set",
        f"data.path={packed}",
        "--set",
        "train.steps=20000",
        "--out",
        "run.h5",
        ranks=ranks,
        before="trap '' XFSZ; ulimit -f 20000",
        cwd=tmp_path,
    )
    refused(outcome, "run.h5.partial", "File too large")


def test_ranks_with_different_arguments_are_refused(packed, tmp_path):
    same = ["run", SMOKE, "--set", f"data.path={packed}"]

    def together(*other):
        one, two = command(*same), command(*same, *other)
        return finish(start(["mpirun", "-n", "1", *one, ":", "-n", "1", *two], tmp_path))

    refused(together("--set", "train.seed=3"), "rank 1 differs from that of rank 0")
    refused(together("--set", "data.path=nowhere"), "rank 1: ", "nowhere")


@pytest.fixture
def fixture(tmp_path):
    return shutil.copytree(GOLDEN / "noisy_topk_weight_norm_train", tmp_path / "fixture")


WEIGHT = "model.layers.0.self_attn.q_proj.weight"


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


DAMAGES = {
    "missing": (lambda folder: (folder / "model.safetensors").unlink(), ("model.safetensors",)),
    "truncated": (truncate, ("model.safetensors", "truncated")),
    "missing tensor": (lambda folder: tensor_file.rename(folder / "model.safetensors", WEIGHT, "stray"), (WEIGHT,)),
    "wrong shape": (
        lambda folder: tensor_file.transpose_shape(folder / "model.safetensors", "model.embed_tokens.weight"),
        ("model.embed_tokens.weight", "shape"),
    ),
    "short recording": (lambda folder: tensor_file.rename(folder / "io.safetensors", "loss", "logits"), ("logits",)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_fixture_is_refused(damage, ranks, fixture, tmp_path):
    harm, parts = DAMAGES[damage]
    harm(fixture)
    refused(execute("verify", "fixture", ranks=ranks, cwd=tmp_path), *parts)


def test_a_fixture_that_is_not_there_is_refused(ranks, tmp_path):
    refused(execute("verify", "nowhere", ranks=ranks, cwd=tmp_path), "nowhere/config.json")


def test_what_is_no_run_file_is_refused_by_inspect(ranks, tmp_path):
    (tmp_path / "text").write_text("not HDF5")
    for name, part in (("text", "is not an HDF5 file"), ("none.h5", "no such file"), (".", "is a folder")):
        refused(execute("inspect", name, ranks=ranks, cwd=tmp_path), part)


def test_a_truncated_run_file_is_refused_by_inspect(packed, tmp_path):
    done = execute("run", SMOKE, "--set", f"data.path={packed}", "--out", "run.h5", cwd=tmp_path)
    assert done.code == 0, done
    data = (tmp_path / "run.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    refused(execute("inspect", "cut.h5", cwd=tmp_path), "cut.h5")
