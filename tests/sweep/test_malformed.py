"""Whatever stands in a sweep file, a site file, a base file or a manifest: one sentence and an exit code, never a traceback."""

import random
import re

import pytest

from experiment import BASE, SITE

# Answers at once, whatever it is asked; as many processes as a mutated file asks for.
STUB = """#!/bin/sh
[ "$1" = --version ] && { echo "stub 1"; exit 0; }
key=$(printf %s "$*" | sha256sum | cut -c1-64)
echo "{\\"layout\\": {\\"ranks\\": 2},"
echo "\\"parameters\\": {\\"active\\": 9}, \\"memory_bytes_of_heaviest_rank\\": {\\"total\\": 9},"
echo "\\"cell_key\\": \\"$key\\", \\"computation_key\\": \\"$key\\"}"
"""

MATRIX = "[sweep.matrix]\n"
SWEEPS = [
    "repeats =",
    "question = 3",
    "question = [",
    "base = 3",
    "base = 'absent.toml'",
    "base = '.'",
    "repeats = true",
    "repeats = 1.0",
    "repeats = 10000000000000000000000",
    "seeds = 0",
    "seeds = -1",
    "seeds = '6'",
    "seeds = [1, 2]",
    "seeds = 10000000000000000000000",
    "seeds = 2\n[set]\ntrain.seed = 1",
    "seeds = 2\n[[sweep.include]]\ntrain.seed = 1",
    "[set]\nseeds = 2",
    "order_seed = -1",
    "order_seed = " + "9" * 5000,
    "question = " + 3000 * "[" + 3000 * "]",
    "launch = 3",
    "[launch]\nminutes = 'soon'",
    "[launch]\nthreads = 0",
    "[launch]\ncells_per_job = 0",
    "[launch.threads]\nmany = 1",
    "set = 3",
    "sweep = []",
    "[sweep]\nmatrix = 3",
    "[sweep]\nzip = 3",
    "[sweep]\nzip = [3]",
    "[sweep]\nderive = 3",
    "[sweep]\ninclude = 3",
    "[sweep]\ninclude = [3]",
    "[sweep.include]\nlayout.ep = 3",
    "[sweep]\nexclude = [[1]]",
    "[[sweep.exclude]]\nwhere = 3",
    "[[sweep.exclude]]\nwhere = ''",
    "size = 3",
    "[size]\nsmall = 3",
    "contrast = 3",
    "contrast = [3]",
    "[[contrast]]\nname = 'x'",
    "[[contrast]]\nname = 'x'\nmeasure = 3\nfirst = {}\nsecond = {}",
    "[[contrast]]\nname = 'x'\nmeasure = 'step_seconds'\nfirst = {}\nsecond = {}\nsmallest_effect = -1",
    "[[contrast]]\nname = 'x'\nmeasure = 'step_seconds'\nfirst = {}\nsecond = {}\nsmallest_effect = nan",
    "analysis = 3",
    "[analysis]\nby = 3",
    "[analysis]\nby = [3]",
    "[analysis]\nbaseline = 3",
    "[analysis]\nbasline = {}",
    MATRIX + "layout.ep = []",
    MATRIX + "day = [1979-05-27]",
    MATRIX + "train.seed = [07:32:00]",
    MATRIX + '"" = [1]',
    MATRIX + '"a\\u0000" = [1]',
    MATRIX + 'arm = ["\\u0000"]',
    MATRIX + '"a/b" = [1]',
    MATRIX + "metric = [1]",
    MATRIX + "value = ['a', 'b']",
    MATRIX + "launch.threads = [0]",
    MATRIX + 'launch.threads = ["1"]',
    MATRIX + "launch.thread = [2]",
    MATRIX + "launch.cells_per_job = [2]",
    MATRIX + "launch.minutes = [1.5]",
    MATRIX + "layout.ep = [1]\n'layout.ep' = [2]",
    MATRIX + "layout.ep = [1]\n[sweep.zip]\nlayout.ep = [2]",
    "[[sweep.zip]]\na = [1]\n[[sweep.zip]]\na = [2]",
    "[set]\nlayout = 1\n'layout.ep' = 2",
    *(MATRIX + f"{key} = {list(range(1000))}\n[sweep.zip]\nz = {list(range(1000))}" for key in ("a", "train.seed")),
    *(
        f"[sweep.derive]\na = '''{text}'''"
        for text in (
            "",
            "1 +",
            "1 / 0",
            "10.0 ** 3",
            "'a' * 1000000000000",
            "'%1000000000000d' % 1",
            "[1] * 1000000000000",
            "ceil(1e999)",
            "max()",
            "min(1, 'a')",
            "gcd(1.5, 2)",
            "lambda: 1",
            "__import__('os')",
            "(1).real",
            "absent",
            "9" * 5000,
            "-" * 5000 + "1",
            "(" * 300 + "1" + ")" * 300,
            "1 in 2",
            "a\n b",
            "\\",
        )
    ),
]
SITES = [
    "executor =",
    "executor = 3",
    "executor = 'pbs'",
    "launcher = 3",
    "launcher = 'x {rank} {ranks}'",
    "launcher = 'x'",
    "binding = '--cpu-bind=cores'",
    "binding = {mpirun = 3}",
    "binding = {prun = '-x'}",
    "container = 3",
    "setup = 'x'",
    "setup = [3]",
    "modules = [[]]",
    "sbatch = [3]",
    "cores_per_node = true",
    "cores_per_node = -4",
    "gpus_per_node = -1",
    "memory_per_node = nan",
    "memory_per_node = -1",
    "flops_per_core = 0",
    "flops_per_core = inf",
    "flops_per_core = 1e-300",
    "max_array_size = 0",
    "at_once = 0",
    "notice_seconds = 0",
    "notice_seconds = 1.5",
    "name = 3",
    "partition = 1979-05-27",
]
BASES = ["[", "a = 1979-05-27", "a = '\\", "\xff", "'batch.sequences' = 2\n[batch]\nsequences = 1", "a.b = 1\n[a]\nb = 1"]
EXAMPLE = """question = "Why?"
repeats = 1
order_seed = 1
[launch]
threads = 1
minutes = 30
[set]
"train.steps" = 5
[sweep.matrix]
"layout.ep" = [1, 2]
[sweep.zip]
arm = ["a", "b"]
"batch.sequences" = [8, 32]
[[sweep.include]]
"layout.ep" = 8
[[sweep.exclude]]
"layout.ep" = 2
where = "batch.sequences < 9"
[sweep.derive]
"layout.tp" = "2 if layout.ep == 1 else 1"
[analysis]
by = ["layout.ep"]
baseline = {"layout.ep" = 1}
[[contrast]]
name = "x"
measure = "step_seconds"
first = {"layout.ep" = 1}
second = {"layout.ep" = 2}
"""
VALUES = (
    "0",
    "-1",
    "1.5",
    "inf",
    "nan",
    "true",
    '""',
    '"x"',
    '"é→"',
    '"\\u0000"',
    '"a\\nb"',
    "[]",
    "[[]]",
    "[{}]",
    "{}",
    "{a = 1}",
)
VALUES = (*VALUES, "1979-05-27", "07:32:00", "9223372036854775808", "[1, 'a']", '"layout.ep"', "'1 +'", "[true]")


@pytest.fixture
def one(experiment):
    made = experiment("")
    made.program = made.folder / "stub"
    made.program.write_text(STUB)
    made.program.chmod(0o755)
    return made


def is_one_sentence(outcome):
    return outcome.code == 1 and outcome.err.startswith("moescope-sweep: ") and len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("command", [["plan"], ["submit", "--dry-run"]])
def test_a_malformed_sweep_file_ends_in_one_sentence(command, one):
    for text in SWEEPS:
        one.write(text)
        outcome = one.call(*command)
        assert is_one_sentence(outcome), (text, outcome)


def test_a_malformed_site_file_ends_in_one_sentence(one):
    for text in SITES:
        one.site.write_text(text)
        outcome = one.call("submit", "--dry-run")
        assert is_one_sentence(outcome) and str(one.site) in outcome.err, (text, outcome)


def test_a_malformed_base_file_ends_in_one_sentence(one):
    for text in BASES:
        (one.experiment / "base.toml").write_text(text, encoding="latin-1")
        outcome = one.call("plan")
        assert is_one_sentence(outcome) and "base.toml" in outcome.err, (text, outcome)


@pytest.mark.parametrize("program", ["/bin/true", "/bin/echo", "/bin/false"])
def test_another_program_is_told_in_one_sentence(program, one):
    one.program = program
    for command in (["plan"], ["submit", "--dry-run"]):
        assert is_one_sentence(outcome := one.call(*command)), outcome


def test_a_damaged_manifest_is_told_in_one_sentence(one):
    one.results.mkdir()
    for text in ("", "{", "[]", "3", '{"version": 1}', '{"version": 2}', '{"version": 1, "site": {"x": 1}, "cells": []}'):
        (one.results / "manifest.json").write_text(text)
        for command in ("status", "resume", "cancel", "collect"):
            assert is_one_sentence(outcome := one.call(command)), (text, command, outcome)


def mutated(text, chance):
    lines = text.splitlines()
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(lines))
        match chance.choice(["value", "value", "value", "drop", "repeat", "cut", "quote"]):
            case "value":
                lines[at] = re.sub(r"= .*", lambda _: f"= {chance.choice(VALUES)}", lines[at])
            case "drop":
                lines[at] = ""
            case "repeat":
                lines.insert(at, chance.choice(lines))
            case "cut":
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            case "quote":
                lines[at] = lines[at].replace('"', "", 1)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("part, number", [("sweep", 150), ("site", 40), ("base", 40)])
def test_a_file_changed_at_random_is_taken_or_told_in_one_sentence(part, number, one):
    chance = random.Random(part)
    refused = 0
    for _ in range(number):
        one.write(mutated(EXAMPLE, chance) if part == "sweep" else EXAMPLE)
        one.site.write_text(mutated(SITE, chance) if part == "site" else SITE)
        (one.experiment / "base.toml").write_text(mutated(BASE, chance) if part == "base" else BASE)
        outcome = one.call("submit", "--dry-run")
        files = [path.read_text() for path in (one.experiment / "sweep.toml", one.site, one.experiment / "base.toml")]
        assert (outcome.code == 0 and not outcome.err) or is_one_sentence(outcome), (files, outcome)
        refused += outcome.code
    assert 0 < refused < number
