"""Usage errors give exit code 2 and the way to help; help names every option; --version names what computes."""

import pytest

from program import execute

OPTIONS = {
    "run": ["config", "--set", "--out", "--overwrite", "--dry-run", "--json", "--progress", "--progress-seconds", "--log"],
    "verify": ["fixture", "--set"],
    "bench": [
        "config",
        "--set",
        "--axis",
        "--collective",
        "--type",
        "--min-bytes",
        "--max-bytes",
        "--factor",
        "--warm-up",
        "--iterations",
        "--skew",
        "--json",
    ],
    "inspect": ["file", "dataset", "--csv", "--follow"],
    "config": ["file"],
    "compare": ["a", "b", "--json"],
    "data pack": ["--out", "--domain", "--max-mb", "--held-out", "--force"],
}

MISUSES = {
    "": ("subcommand is required", "moescope --help"),
    "foo": ("unknown argument 'foo'", "moescope --help"),
    "convert --help": ("unknown argument 'convert'", "moescope --help"),
    "convert --version": ("unknown argument 'convert'", "moescope --help"),
    "data unpack --help": ("unknown argument 'unpack'", "moescope data --help"),
    "run x.toml --foo --help": ("unknown argument '--foo'", "moescope run --help"),
    "run": ("config is required", "moescope run --help"),
    "verify": ("fixture is required", "moescope verify --help"),
    "inspect": ("file is required", "moescope inspect --help"),
    "inspect run.h5 raw/tokens": ("requires --csv", "moescope inspect --help"),
    "inspect run.h5 --follow --csv": ("--csv excludes --follow", "moescope inspect --help"),
    "inspect run.h5 raw/tokens --follow": ("requires --csv", "moescope inspect --help"),
    "config": ("file is required", "moescope config --help"),
    "compare run.h5": ("b is required", "moescope compare --help"),
    "data pack": ("is required", "moescope data pack --help"),
    "bench --axis pp": ("--axis", "pp", "moescope bench --help"),
    "bench --type bfloat16": ("--type", "bfloat16", "moescope bench --help"),
    "bench --collective broadcast": ("--collective", "broadcast", "moescope bench --help"),
    "bench --iterations 0": ("--iterations", "0", "moescope bench --help"),
    "bench --factor 1": ("--factor", "1", "moescope bench --help"),
    "bench --skew 0.5": ("--skew", "0.5", "moescope bench --help"),
    "bench --max-bytes 5G": ("--max-bytes", "moescope bench --help"),
    "bench --min-bytes many": ("--min-bytes", "many", "moescope bench --help"),
    "run x.toml --foo": ("unknown argument '--foo'", "moescope run --help"),
    "run x.toml --progress loud": ("auto,always,never,lines", "moescope run --help"),
    "run x.toml --progress-seconds 5": ("--progress-seconds requires --progress lines", "moescope run --help"),
    "run x.toml --progress always --progress-seconds 5": ("requires --progress lines", "moescope run --help"),
    "run x.toml --progress lines --progress-seconds -1": ("--progress-seconds", "-1", "moescope run --help"),
    "run x.toml --progress lines --progress-seconds often": ("--progress-seconds", "often", "moescope run --help"),
    "run x.toml --json": ("--dry-run", "moescope run --help"),
    "run x.toml --dry-run --log run.jsonl": ("--dry-run", "--log", "excludes", "moescope run --help"),
    "run x.toml --dry-run --resume folder": ("--dry-run excludes --resume", "moescope run --help"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misused_command_line_is_refused_with_the_way_to_help(misuse, ranks, tmp_path):
    outcome = execute(*misuse.split(), ranks=ranks, cwd=tmp_path)
    assert outcome.code == 2, outcome
    assert len(outcome.errors) == 1, outcome
    for part in MISUSES[misuse]:
        assert part in outcome.errors[0]


@pytest.mark.parametrize("subcommand", OPTIONS)
def test_help_names_every_option(subcommand, tmp_path):
    outcome = execute(*subcommand.split(), "--help", cwd=tmp_path)
    assert outcome.code == 0 and outcome.err == ""
    for option in OPTIONS[subcommand]:
        assert option in outcome.out


def test_help_names_every_subcommand(tmp_path):
    outcome = execute("--help", cwd=tmp_path)
    assert outcome.code == 0
    for subcommand in ("run", "data", "config", "inspect", "compare", "verify", "bench"):
        assert f"\n  {subcommand} " in outcome.out


def test_version_names_commit_and_libraries(tmp_path):
    outcome = execute("--version", cwd=tmp_path)
    assert outcome.code == 0
    for part in ("moescope 0.", "Kokkos 4.", "BLAS: ", "MPI: "):
        assert part in outcome.out
