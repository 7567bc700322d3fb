"""What the texts say can be followed: links lead somewhere, and the program knows every subcommand, option and key in them."""

import json
import re
import shutil
import subprocess

import pytest

from program import ROOT, SMOKE, execute

TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/**/*.md")])
SUBCOMMANDS = ("run", "verify", "bench", "inspect", "compare", "config", "data pack")


def commands(text):
    """[words] after `moescope` in each command of a code block or between backquotes."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    for line in [*(line for block in blocks for line in block.replace("\\\n", " ").splitlines()), *spans]:
        for part in re.split(r" && | \|\| |;| : ", line):
            found = re.search(r"(?:^|[ /$])moescope (.*)", part.split(" #")[0])
            if found:
                yield found.group(1).split(" > ")[0].split()


ALL = [(path.relative_to(ROOT), words) for path in TEXTS for words in commands(path.read_text())]


def subcommand(words):
    return " ".join(words[:2]) if words[:1] == ["data"] else words[0]


@pytest.fixture(scope="module")
def help_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("help")
    return {name: execute(*name.split(), "--help", cwd=folder).out for name in SUBCOMMANDS}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        assert "://" in target or (path.parent / target).exists(), target


def test_there_are_commands_to_check():
    assert len(TEXTS) >= 8 and len(ALL) >= 15
    assert {"run", "inspect", "compare", "config", "data pack", "verify", "bench"} <= {
        subcommand(words) for _, words in ALL if words
    }


@pytest.mark.parametrize("path, words", ALL, ids=lambda value: value if isinstance(value, str) else None)
def test_the_program_knows_what_a_text_says(path, words, help_of):
    if words and not words[0].startswith("-") and words[0].isalpha():
        name = subcommand(words)
        assert name in help_of, (path, words)
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        assert all(re.search(rf"\s{option}\b", help_of[name]) for option in options), (path, words)


def test_every_key_that_a_text_sets_is_known(tmp_path):
    keys = {word for path in TEXTS for word in re.findall(r"--set (\w+\.[\w.]+=[\w.:\"/-]+)", path.read_text())}
    assert len(keys) >= 10
    for setting in keys:
        outcome = execute("run", SMOKE, "--dry-run", "--set", setting, cwd=tmp_path)
        assert "unknown" not in outcome.err, setting


def test_git_is_silent_about_what_the_texts_let_a_reader_write(tmp_path):
    named = {path for text in TEXTS for path in re.findall(r"--out ([\w./]+)", text.read_text()) if re.search("[a-z]", path)}
    written = {path if "." in path else f"{path}/x" for path in named}
    written |= {"results/scaling/laptop/manifest.json", "results/mine.h5.checkpoints/step_1/x", "results/mine.h5.partial"}
    assert {"data/mine/x", "results/mine.h5"} <= written and len(written) >= 8
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    ignored = subprocess.run(["git", "-C", tmp_path, "check-ignore", *written], capture_output=True, text=True).stdout
    assert set(ignored.split()) == written


def test_what_contributing_builds_and_runs_is_there_after_a_build_without_tests():
    """`quickstart.sh` configures the same folder with MOESCOPE_TESTS=OFF, which the cache would keep."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    preset, targets = re.search(r"cmake --preset (\w+) && cmake --build build --target (.*)", text).groups()
    presets = {entry["name"]: entry for entry in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
    assert presets[preset]["cacheVariables"]["MOESCOPE_TESTS"] == "ON" and presets[preset]["binaryDir"].endswith("/build")
    lists = "".join(path.read_text() for path in (ROOT / "tests").rglob("CMakeLists.txt"))
    names = re.findall(r"moescope_(?:mpi_)?test\((\w+)", lists)
    chosen = re.search(r"ctest --test-dir build -R '?([^\s']+)", text).group(1)
    tested = {f"test_{name}" for name in names if re.search(chosen, name)}
    assert len(names) > 30 and tested and tested <= set(targets.split())
