"""A user's mistake gives one sentence whatever the number of ranks, exit code 1, and no hang.

One table for each place where a mistake can be made: rows of what the user does and what must stand in the sentence."""

import os
import shutil
import struct

import h5py
import pytest

import tensor_file
from program import GOLDEN, SMOKE, command, execute, finish, rank_by_rank, start


def refused(outcome, *parts):
    """The one sentence, which holds all `parts`."""
    assert outcome.code == 1, outcome
    assert len(outcome.errors) == 1, outcome
    for part in parts:
        assert part in outcome.errors[0], outcome
    for sign in ("terminate called", "Signal:", "std::", "what():"):
        assert sign not in outcome.err + outcome.out, outcome


def overrides(settings):
    return [word for setting in settings.split() for word in ("--set", setting)]


# Settings that the configuration alone refuses; a dry run meets them without MPI. Written as for the shell, without spaces.
SETTINGS = {
    "unknown key": ("model.hiden_size=64", "model.hiden_size", "did you mean model.hidden_size"),
    "unknown section": ("modl.top_k=2", "modl.top_k", "did you mean model.top_k?"),
    "key of another alphabet": ("model.naïve=3", 'unknown key "model.naïve"', "known are model.family"),
    "full-width letters": ("\uff4dodel.top_k=2", 'unknown key "\uff4dodel.top_k"', "did you mean model.top_k?"),
    "no value": ("model.hidden_size", "section.key=value"),
    "empty value": ("gate.kind=", "section.key=value"),
    "no key": ("=3", "section.key=value"),
    "text for a number": ('model.hidden_size="x"', "model.hidden_size", "integer"),
    "fraction for a count": ("train.steps=1e3", "train.steps = 1000.0", "must be an integer"),
    "list for a number": ("model.top_k=[2]", "model.top_k = [2]", "must be an integer"),
    "number for a switch": ("model.tie_word_embeddings=1", "must be true or false"),
    "number for a table": ("data.weights=1", "data.weights = 1", "table of one weight for each domain"),
    "text for a rate": ("optimizer.learning_rate=fast", "optimizer.learning_rate", "must be a finite number"),
    "zero steps": ("train.steps=0", "train.steps = 0", "at least 1"),
    "zero tokens": ("batch.sequence_length=0", "batch.sequence_length = 0", "at least 1"),
    "zero sequences": ("batch.sequences=0", "batch.sequences = 0", "at least 1"),
    "zero layers": ("model.num_layers=0", "model.num_layers = 0", "at least 1"),
    "zero experts": ("model.num_experts=0", "model.num_experts = 0", "at least 1"),
    "negative ranks": ("layout.tp=-2", "layout.tp = -2", "at least 1"),
    "negative seed": ("train.seed=-1", "train.seed = -1", "at least 0"),
    "negative limit": ("train.watchdog_seconds=-1", "train.watchdog_seconds = -1", "at least 0"),
    "not a number": ("optimizer.learning_rate=nan", "learning_rate = nan", "must be a finite number"),
    "infinite": ("optimizer.weight_decay=inf", "weight_decay = inf", "must be a finite number"),
    "beyond 63 bits": ("train.seed=18446744073709551616", "not representable in 64 bits"),
    "more ranks than there are numbers": ("layout.ranks=99999999999", "layout.ranks = 99999999999", "at most 2147483647"),
    "huge model": ("model.hidden_size=1000000000", "model.hidden_size", "at most 131072"),
    "rate of one": ("optimizer.beta1=1", "optimizer.beta1 = 1", "below 1"),
    "unknown gate": ("gate.kind=Switch", 'gate.kind = "Switch"', "must be one of noisy_top_k, switch"),
    "unknown number type": ("train.dtype=bfloat16", 'train.dtype = "bfloat16"', "float32, float64"),
    "unknown dispatcher": ("train.dispatcher=nccl", 'train.dispatcher = "nccl"', "local, all_to_all, all_gather"),
    "more choices than experts": ("model.top_k=5", "model.top_k = 5", "at most model.num_experts = 4"),
    "one expert, two choices": ("model.num_experts=1", "model.top_k = 2", "at most model.num_experts = 1"),
    "heads that do not divide": ("model.num_heads=3 model.num_kv_heads=1", "model.hidden_size = 64", "model.num_heads = 3"),
    "KV heads that do not divide": ("model.num_kv_heads=3", "model.num_heads = 4", "model.num_kv_heads = 3"),
    "experts that do not divide": ("model.num_experts=3", "model.intermediate_size = 128", "model.num_experts = 3"),
    "widths for other layers": ("model.expert_widths=[]", "model.expert_widths", "each of the 2 layers"),
    "widths with another sum": ("model.expert_widths=[1,2,3,4]", "must sum to model.intermediate_size = 128"),
    "micro-steps that do not divide": ("batch.micro_steps=3", "batch.sequences = 4", "batch.micro_steps = 3"),
    "groups that do not divide": (
        "gate.kind=deepseek_v3 gate.num_groups=3",
        "gate.num_groups = 3",
        "must divide model.num_experts = 4",
    ),
    "groups of one expert": ("gate.kind=deepseek_v3 gate.num_groups=4", "gate.num_groups = 4", "at least 2 experts to a group"),
    "more groups than there are": (
        "gate.kind=topology_limited gate.num_groups=2 gate.groups_kept=3",
        "gate.groups_kept = 3",
        "at most gate.num_groups = 2",
    ),
    "choices beyond the groups": (
        "gate.kind=topology_limited gate.num_groups=4 model.top_k=2",
        "model.top_k = 2",
        "at most the 1 experts of gate.groups_kept = 1 groups",
    ),
    "pool without a size": ("gate.pool=block:", 'gate.pool = "block:"', '"block:<b>" with b from 1'),
    "pool that does not divide": ("gate.pool=block:3", 'gate.pool = "block:3"', "divides the 4 of a micro-step"),
    "pool over micro-steps": ("gate.pool=batch batch.micro_steps=2", "gate.pool", "every micro-step's forward pass"),
    "evaluation in broken pools": ("gate.pool=block:2 eval.sequences=3", "eval.sequences = 3", "multiple of the 2 sequences"),
    "local dispatcher with ep": ("layout.ep=2 train.dispatcher=local", "train.dispatcher", "all_to_all", "layout.ep = 2"),
    "tp does not divide ranks": ("layout.ranks=4 layout.tp=3", "layout.tp = 3", "does not divide layout.ranks"),
    "ep does not divide ranks": ("layout.ranks=4 layout.ep=3", "ep = 3", "does not divide layout.ranks"),
    "dp that cannot be": ("layout.ranks=4 layout.dp=3", "layout.dp = 3 clashes with", "leave it out"),
    "edp that cannot be": ("layout.ranks=2 layout.ep=2 layout.edp=2", "layout.edp = 2 clashes with", "leave it out"),
    "more ranks than experts": ("layout.ranks=8 layout.ep=8", "4 experts", "ep = 8"),
    "more ranks than heads": ("layout.ranks=8 layout.tp=8", "4 attention heads", "tp = 8"),
    "key of another gate": ("gate.switch_score=probability", 'decides nothing with gate.kind = "noisy_top_k"'),
    "optimizer without training": ("train.mode=forward optimizer.beta1=0.5", "optimizer.beta1 = 0.5", 'train.mode = "forward"'),
    "an unknown order of ranks": ("layout.order=tp-pp-dp", 'layout.order = "tp-pp-dp"', "must be one of tp-ep-dp, tp-dp-ep"),
    "pipeline": ("layout.pp=2", "layout.pp = 2", "only 1 so far"),
}


@pytest.mark.parametrize("mistake", SETTINGS)
def test_a_setting_that_cannot_be_is_refused(mistake, tmp_path):
    settings, *parts = SETTINGS[mistake]
    refused(execute("run", SMOKE, "--dry-run", *overrides(settings), cwd=tmp_path), *parts)


# Files given as configuration: their bytes, or a function that makes something else of that name.
FILES = {
    "empty": (b"", "holds no settings"),
    "only a byte-order mark": (b"\xef\xbb\xbf", "holds no settings"),
    "not TOML": (b"[model]\nvocab_size = = 3\n", "given.toml:2:", "not TOML"),
    "JSON": (b'{"model": {}}', "given.toml:1:1", "not TOML"),
    "UTF-16": ("[model]\n".encode("utf-16"), "given.toml:1:1", "not TOML", "utf-8"),
    "not UTF-8": (b'[record]\nsite = "\xff"\n', "given.toml:2:", "utf-8"),
    "NUL": (b"[model]\nvocab_size = 1\0\n", "given.toml:2:", "not TOML"),
    "program": (b"\x7fELF\x02\x01\x01" + bytes(100), "given.toml:1:1", "not TOML"),
    "key twice": (b"[model]\nvocab_size = 1\nvocab_size = 2\n", "given.toml:3:", "cannot redefine"),
    "section twice": (b"[model]\n[gate]\n[model]\n", "given.toml:3:", "not TOML"),
    "key without a section": (b"steps = 3\n", "given.toml:1:1", "outside of any section", "did you mean train.steps?"),
    "key with an accent": ("[model]\nvocab_größe = 1\n".encode(), "given.toml:2:", "not TOML"),
    "quoted key with an accent": ('[model]\n"größe" = 1\n'.encode(), 'unknown key "größe" in [model]'),
    "deep nesting": (b"[model]\ntop_k = " + 5000 * b"[", "given.toml:2:", "not TOML"),
    "missing keys": (b"[model]\nvocab_size = 257\n", "model.hidden_size is missing"),
    "not there": (None, "given.toml", "no such configuration file"),
    "folder": (os.mkdir, "given.toml", "is a folder"),
    "link to itself": (lambda path: path.symlink_to(path), "given.toml", "symbolic links"),
    "pipe": (os.mkfifo, "given.toml", "not a regular file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "given.toml", "not a regular file"),
}


def make(path, content):
    if callable(content):
        content(path)
    elif content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize("mistake", FILES)
def test_a_configuration_that_cannot_be_read_is_refused(mistake, tmp_path):
    content, *parts = FILES[mistake]
    make(tmp_path / "given.toml", content)
    refused(execute("run", "given.toml", "--dry-run", cwd=tmp_path), *parts)


@pytest.mark.parametrize(
    "name, content",
    [
        ("with a byte-order mark.toml", b"\xef\xbb\xbf" + SMOKE.read_bytes()),
        ("from another system.toml", SMOKE.read_bytes().replace(b"\n", b"\r\n")),
        ("größe 模型 🙂.toml", SMOKE.read_bytes()),
    ],
)
def test_what_only_looks_odd_is_read(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    outcome = execute("run", name, "--dry-run", cwd=tmp_path)
    assert outcome.code == 0 and outcome.err == "", outcome


def test_one_expert_is_no_mistake(packed, tmp_path):
    outcome = execute(
        "run", SMOKE, *overrides(f"data.path={packed} model.num_experts=1 model.top_k=1"), "--out", "run.h5", cwd=tmp_path
    )
    assert outcome.code == 0, outcome


def edit(name, old, new):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes().replace(old, new, 1))


def truncate(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def replace(name, content):
    def act(folder):
        (folder / name).unlink()
        make(folder / name, content)

    return act


def nothing(folder):
    pass


# What is done to packed text before a run reads it, and the run's settings.
DATA = {
    "no data": (nothing, 'data.path=""', "data.path is empty", "moescope data pack"),
    "no packed data": (nothing, "data.path=nowhere", "nowhere", "data.json", "moescope data pack"),
    "a file": (nothing, "data.path=data/data.json", "is no packed folder", "moescope data pack"),
    "unknown domain": (nothing, "data.weights.poetry=2", "'poetry'", "code, prose"),
    "vocabulary too small": (nothing, "model.vocab_size=100", "257", "model.vocab_size is 100"),
    "sequence longer than the text": (nothing, "batch.sequence_length=100000", "code", "training part", "100001"),
    "held-out part too short": (nothing, "batch.sequence_length=4000", "code", "held-out part", "4001"),
    "ranks differ from the launch": (nothing, "layout.ranks=7", "layout.ranks = 7", "launched"),
    "description missing": (lambda folder: (folder / "data.json").unlink(), "", "data.json is missing"),
    "description empty": (replace("data.json", b""), "", "data.json", "not valid"),
    "description with a key twice": (edit("data.json", b"{", b'{"version": 1,'), "", "'version' stands twice"),
    "description nested deep": (replace("data.json", b"[" * 100000), "", "data.json", "nested more than"),
    "other tokenizer": (edit("data.json", b'"byte"', b'"bpe"'), "", "data.json", "only known tokenizer is 'byte'"),
    "count that is none": (edit("data.json", b'"tokens": ', b'"tokens": 1.5e300, "t": '), "", "'tokens' is no count"),
    "tokens truncated": (truncate("code.train.bin", 100), "", "data/code.train.bin", "100 bytes"),
    "tokens changed": (lambda folder: edit("code.train.bin", b"\0", b"\1")(folder), "", "code.train.bin", "SHA-256"),
    "tokens missing": (lambda folder: (folder / "code.train.bin").unlink(), "", "code.train.bin", "No such file"),
    "tokens a folder": (replace("code.train.bin", os.mkdir), "", "code.train.bin", "folder"),
    "tokens a link to itself": (
        replace("code.train.bin", lambda path: path.symlink_to(path)),
        "",
        "code.train.bin",
        "symbolic links",
    ),
}


@pytest.mark.parametrize("mistake", DATA)
def test_data_that_cannot_be_used_are_refused(mistake, packed, tmp_path):
    damage, settings, *parts = DATA[mistake]
    damage(shutil.copytree(packed, tmp_path / "data"))
    refused(execute("run", SMOKE, *overrides("data.path=data " + settings), cwd=tmp_path), *parts)
    assert not list(tmp_path.glob("**/*.h5*"))


# Where a run is to be written.
OUTPUTS = {
    "there already": ("file", "--overwrite"),
    "under a file": ("file/run.h5", "cannot make the folder file", "Not a directory"),
    "a folder": (".", "is a folder"),
    "where nobody may write": ("/proc/moescope/run.h5", "cannot make the folder /proc/moescope"),
    "in a folder to come": ("newdir/", "newdir/ names a folder", "newdir/run.h5"),
    "where only a shell finds home": ("~/run.h5", "--out ~/run.h5", "$HOME"),
    "name too long": (250 * "n" + ".h5", "File name too long"),
    "device": ("/dev/null", "--overwrite"),
}


@pytest.mark.parametrize("mistake", OUTPUTS)
def test_an_output_that_cannot_be_made_is_refused(mistake, packed, tmp_path):
    (tmp_path / "file").write_text("")
    out, *parts = OUTPUTS[mistake]
    refused(execute("run", SMOKE, *overrides(f"data.path={packed}"), "--out", out, cwd=tmp_path), *parts)
    assert (tmp_path / "file").read_text() == ""


def test_two_runs_never_share_an_output_even_without_locks_of_the_file_system(packed, tmp_path):
    unlocked = "export HDF5_USE_FILE_LOCKING=FALSE"
    words = ["run", SMOKE, *overrides(f"data.path={packed} train.steps=300 eval.every=0"), "--out", "run.h5"]
    processes = [start(command(*words, before=unlocked), tmp_path) for _ in range(2)]
    outcomes = sorted((finish(process) for process in processes), key=lambda outcome: outcome.code)
    assert outcomes[0].code == 0, outcomes
    refused(outcomes[1], "run.h5")
    with h5py.File(tmp_path / "run.h5") as file:
        assert file.attrs["status"] == b"complete" and int(file["steps_done"][()]) == 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.h5"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(packed, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    outcome = execute("run", SMOKE, *overrides(f"data.path={packed}"), "--out", "closed/run.h5", cwd=tmp_path)
    refused(outcome, "closed/run.h5", "Permission denied")


def damaged_header(change):
    def act(folder):
        path = folder / "model.safetensors"
        header, body = tensor_file.read(path)
        change(header)
        tensor_file.write(path, header, body)

    return act


WEIGHT = "model.layers.0.self_attn.q_proj.weight"
EMBEDDING = "model.embed_tokens.weight"
MODEL = "model.safetensors"

# What is done to a fixture before `verify` reads it.
FIXTURES = {
    "missing": (lambda folder: (folder / MODEL).unlink(), MODEL, "there is no such checkpoint"),
    "empty": (replace(MODEL, b""), MODEL, "0 bytes"),
    "a folder": (replace(MODEL, os.mkdir), MODEL, "folder"),
    "not tensors": (replace(MODEL, b"PK\3\4" + bytes(100)), MODEL, "header claims"),
    "header longer than the file": (replace(MODEL, struct.pack("<Q", 1000) + b"{}"), MODEL, "truncated"),
    "truncated": (lambda folder: truncate(MODEL, -1000)(folder), MODEL, "truncated"),
    "bytes behind": (lambda folder: make(folder / MODEL, (folder / MODEL).read_bytes() + b"x"), MODEL, "behind the last tensor"),
    "missing tensor": (lambda folder: tensor_file.rename(folder / MODEL, WEIGHT, "stray"), WEIGHT),
    "wrong shape": (lambda folder: tensor_file.transpose_shape(folder / MODEL, EMBEDDING), EMBEDDING, "shape"),
    "wrong type": (damaged_header(lambda header: header[EMBEDDING].update(dtype="I64")), EMBEDDING, "dtype I64"),
    "unknown type": (damaged_header(lambda header: header[EMBEDDING].update(dtype="F80")), EMBEDDING, "unknown dtype 'F80'"),
    "type of another size": (damaged_header(lambda header: header[EMBEDDING].update(dtype="F64")), EMBEDDING, "bytes"),
    "negative shape": (damaged_header(lambda header: header[EMBEDDING].update(shape=[-1, 4])), EMBEDDING, "non-negative"),
    "shape beyond 63 bits": (
        damaged_header(lambda header: header[EMBEDDING].update(shape=[2**62, 2**62])),
        EMBEDDING,
        "overflows",
    ),
    "short recording": (lambda folder: tensor_file.rename(folder / "io.safetensors", "loss", "logits"), "logits"),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), "config.json", "fixture folder holds"),
    "configuration not JSON": (replace("config.json", b"[model]"), "config.json", "not valid"),
    "configuration with a key twice": (edit("config.json", b"{", b'{"vocab_size": 3,'), "'vocab_size' stands twice"),
    "other model": (edit("config.json", b'"llama_moe"', b'"phi"'), 'model_type = "phi"', "llama_moe"),
    "other activation": (edit("config.json", b'"silu"', b'"gelu"'), 'hidden_act = "gelu"', "silu"),
}


@pytest.mark.parametrize("damage", FIXTURES)
def test_a_damaged_fixture_is_refused(damage, tmp_path):
    harm, *parts = FIXTURES[damage]
    harm(shutil.copytree(GOLDEN / "noisy_topk_weight_norm_train", tmp_path / "fixture"))
    refused(execute("verify", "fixture", cwd=tmp_path), *parts)


def foreign_hdf5(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


# What is given to `inspect`, under this name.
RUN_FILES = {
    "text": ("text", b"not HDF5", "is not an HDF5 file"),
    "nothing": ("none.h5", None, "no such file"),
    "a folder": ("folder", os.mkdir, "is a folder"),
    "an empty file": ("empty.h5", b"", "is not an HDF5 file"),
    "a beginning": ("run.h5.partial", b"", "holds nothing yet", "before the first step"),
    "another program's": ("other.h5", foreign_hdf5, "no run file of moescope"),
    "a link to itself": ("link.h5", lambda path: path.symlink_to(path), "no such file"),
}


@pytest.mark.parametrize("mistake", RUN_FILES)
def test_what_is_no_run_file_is_refused_by_inspect(mistake, tmp_path):
    name, content, *parts = RUN_FILES[mistake]
    make(tmp_path / name, content)
    refused(execute("inspect", name, cwd=tmp_path), name, *parts)


def test_a_truncated_run_file_is_refused_by_inspect(packed, tmp_path):
    done = execute("run", SMOKE, *overrides(f"data.path={packed}"), "--out", "run.h5", cwd=tmp_path)
    assert done.code == 0, done
    data = (tmp_path / "run.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    refused(execute("inspect", "cut.h5", cwd=tmp_path), "cut.h5")


# Arguments of `data pack` beside --out packed; text/ holds one file, empty/ none.
PACKING = {
    "no path": ("--domain a", "--domain a", "NAME=PATH"),
    "no such path": ("--domain a=nowhere", "nowhere", "neither a file nor a folder"),
    "no text": ("--domain a=empty", "no text file found in empty"),
    "no text with this suffix": ("--domain a=text:py", "suffix py"),
    "slash in a name": ("--domain a/b=text", "'a/b'", "letters, digits"),
    "accent in a name": ("--domain é=text", "'é'", "letters, digits"),
    "held out too much": ("--domain a=text --held-out 2", "held-out fraction is 2", "between 0 and 0.5"),
    "held out no number": ("--domain a=text --held-out nan", "held-out fraction is nan", "between 0 and 0.5"),
    "negative size": ("--domain a=text --max-mb -1", "--max-mb -1", "between 0"),
    "over something else": ("--domain a=text --out text", "text: exists and is no packed folder"),
    "over a file": ("--domain a=text --out text/1", "the output must be a folder"),
}


@pytest.mark.parametrize("mistake", PACKING)
def test_packing_that_cannot_be_done_is_refused(mistake, tmp_path):
    for folder in ("text", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "text/1").write_text("a text\n" * 100)
    arguments, *parts = PACKING[mistake]
    out = [] if "--out" in arguments else ["--out", "packed"]
    refused(execute("data", "pack", *out, *arguments.split(), cwd=tmp_path), *parts)
    assert not (tmp_path / "packed").exists()


def test_every_kind_of_mistake_has_its_rows():
    assert len(SETTINGS) + len(FILES) + len(DATA) + len(OUTPUTS) + len(FIXTURES) + len(RUN_FILES) + len(PACKING) >= 60


# A few of each on two ranks: one sentence, and both ranks end.
SHARED = [
    (["run", SMOKE, "--set", "train.steps=0"], ["train.steps = 0"]),
    (["run", SMOKE, "--set", "layout.tp=3"], ["layout.tp = 3", "does not divide"]),
    (["run", SMOKE, *overrides("layout.tp=2 model.num_heads=1 model.num_kv_heads=1")], ["1 attention heads", "tp = 2"]),
    (["run", SMOKE, *overrides("layout.ep=2 model.num_experts=1 model.top_k=1")], ["experts", "ep = 2"]),
    (["run", SMOKE, "--set", "data.path=nowhere"], ["nowhere", "moescope data pack"]),
    (["run", "nowhere.toml"], ["nowhere.toml", "no such configuration file"]),
    (["run", SMOKE, "--out", "."], ["is a folder"]),
    (["data", "pack", "--out", "x", "--domain", "a=."], ["data pack runs in one process"]),
    (["verify", "nowhere"], ["nowhere/config.json"]),
    (["inspect", "nowhere.h5"], ["nowhere.h5", "no such file"]),
]


@pytest.mark.parametrize("arguments, parts", SHARED, ids=[" ".join(map(str, row[0][::2][1:])) for row in SHARED])
def test_two_ranks_make_one_sentence(arguments, parts, packed, tmp_path):
    data = [] if "data.path=nowhere" in arguments or arguments[0] != "run" else overrides(f"data.path={packed}")
    refused(execute(*arguments, *data, ranks=2, cwd=tmp_path), *parts)


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_full_disk_is_met_before_the_first_step(ranks, packed, tmp_path):
    outcome = execute(
        "run", SMOKE, *overrides(f"data.path={packed} train.steps=20000"), "--out", "run.h5",
        ranks=ranks, before="trap '' XFSZ; ulimit -f 20000", cwd=tmp_path,
    )  # fmt: skip
    refused(outcome, "run.h5.partial", "File too large")


def together(packed, folder, *other, second=()):
    one = command("run", SMOKE, *overrides(f"data.path={packed}"))
    two = command(*(second or ["run", SMOKE, *overrides(f"data.path={packed}"), *other]))
    return finish(start(rank_by_rank(one, two), folder))


def test_ranks_with_different_arguments_are_refused(packed, tmp_path):
    refused(together(packed, tmp_path, "--set", "train.seed=3"), "rank 1 differs from that of rank 0")
    refused(together(packed, tmp_path, "--set", "data.path=nowhere"), "rank 1: ", "nowhere")
    misused = together(packed, tmp_path, "--foo")
    assert misused.code != 0 and len(misused.errors) == 1 and "rank 1: unknown argument '--foo'" in misused.errors[0], misused


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run", SMOKE, "--dry-run"], ["--version"]])
def test_what_needs_no_ranks_is_printed_once(arguments, tmp_path):
    alone, together = (execute(*arguments, ranks=ranks, cwd=tmp_path) for ranks in (1, 2))
    assert alone.code == together.code == 0 and alone.out
    without_keys = [[line for line in outcome.out.splitlines() if "cell_key" not in line] for outcome in (alone, together)]
    assert without_keys[0] == without_keys[1]
