"""Every block of commands in the texts runs as it stands, after quickstart.sh, as root and as an ordinary user; or it is named
here with the reason why not. MOESCOPE_LONG_TESTS=1: with the experiments in the size that users have."""

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import pytest

from newcomer import Newcomer, last_words
from program import GOLDEN, ROOT

IN_ORDER = (  # each after those before it, in one tree; blocks of a text in one shell
    *("README.md", "docs/your_own_model_and_text.md", "docs/watching_a_run.md", "docs/profiling.md"),
    *("docs/first_sweep.md", "experiments/scaling/README.md", "docs/reference_values.md"),
    *("docs/figures_and_statistics.md", "docs/benchmarks.md", "experiments/equal_launches/README.md"),
)
NOT_RUN = {  # a part of the block: why
    "./quickstart.sh": "compiles for minutes; all but that is what these tests begin with",
    "cmake --preset release && cmake --build build --target": "compiles the tests for minutes",
    "Kokkos_ROOT=$(cluster/setup/kokkos.sh) cmake": "compiles for minutes",
    "moescope_benchmarks": "takes minutes, and its program is built on demand",
    "-m venv peer": "installs torch",
    "submit experiments/equal_launches": "240 launches",
    "submit experiments/forced_vs_natural": "more than a hundred launches",
    "submit experiments/gating_ablation": "110 launches",
    "submit experiments/pools": "64 launches",
    "submit experiments/collapse": "35 launches",
    "srun ": "a SLURM site",
    "git clone ": "the network",
    "pip install tensorboard": "the network; tests/analysis/test_export.py reads event files back where the package is installed",
    "perf record": "perf is a package of its own, and the kernel may forbid it",
}
NEEDS = {"jq -r": "jq"}  # a part of the block: a program that quickstart.sh does not install
TOOL = "kokkos-tools/profiling/space-time-stack/kp_space_time_stack.so"
WHOLE = "MOESCOPE_LONG_TESTS" in os.environ


def blocks(text):
    """(language, lines) of each fenced block; commands have no language."""
    language, lines = None, []
    for line in text.splitlines():
        if language is None and line.startswith("```"):
            language, lines = line[3:], []
        elif line == "```":
            yield language, "\n".join(lines)
            language = None
        else:
            lines.append(line)
    assert language is None


def texts():
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/**/*.md")])


def commands(name):
    """The blocks of commands in a text that are run on this machine."""
    found = [block for language, block in blocks((ROOT / name).read_text()) if language == ""]
    able = [block for block in found if not any(part in block for part in NOT_RUN)]
    return [block for block in able if all(shutil.which(program) for part, program in NEEDS.items() if part in block)]


def users():
    """This one, and where it is root an ordinary one as well."""
    return ["root", "an ordinary user"] if os.geteuid() == 0 else ["this user"]


@pytest.fixture(scope="module", params=users())
def newcomer(request):
    nobody = pwd.getpwnam("nobody")
    folder = Path(tempfile.mkdtemp(prefix="moescope."))  # pytest's own folders are closed to others
    folder.chmod(0o755)
    one = Newcomer(folder, (nobody.pw_uid, nobody.pw_gid) if request.param == "an ordinary user" else None)
    try:
        one.settle(WHOLE)
        one.printed = one.paste("./quickstart.sh", timeout=600)
        what_the_texts_take_for_granted(one)
        yield one
    finally:
        shutil.rmtree(folder)


def what_the_texts_take_for_granted(one):
    """A config.json, notes and sources of the reader's own, and a tool for Kokkos that does nothing."""
    published = json.loads((GOLDEN / "noisy_topk_mlp_train/config.json").read_text())
    published |= {"num_experts": 16, "num_selects": 4, "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 32000}
    published |= {"intermediate_size": 256, "score_scale_factor": 4.0}
    one.paste(f"mkdir -p path/to && cat >path/to/config.json <<'END'\n{json.dumps(published)}\nEND")
    for suffix, folder in (("txt", "notes"), ("py", "src")):
        one.paste(
            f"for i in $(seq 40); do echo {folder} >$HOME/{folder}/$i.{suffix}; seq $i 20 4000 >>$HOME/{folder}/$i.{suffix}; done"
        )
    one.paste(f"mkdir -p {Path(TOOL).parent} && echo 'void kokkosp_init_library() {{}}' | cc -shared -fPIC -x c - -o {TOOL}")


def test_quickstart_leaves_a_free_run_that_claims_and_a_phased_one_that_explains(newcomer):
    inspect = "build/src/apps/moescope inspect results/first_run/{}.h5"
    claimed = newcomer.paste(inspect.format("run"))
    assert re.search(r"^throughput +[\d.]+ tokens/s", claimed, re.MULTILINE) and "free timing" in claimed
    assert "phased timing" in newcomer.paste(inspect.format("phased"))
    drawn = {path.stem for path in newcomer.tree.glob("results/first_run/figures/*.pdf")}
    assert {"loss", "mfu", "imbalance", "bytes", "load_heatmap", "step_time"} <= drawn
    assert "attention" in (newcomer.tree / "results/first_run/figures/step_time.csv").read_text()  # of the phased one


def test_the_last_lines_of_quickstart_run_wherever_it_was_called(newcomer):
    commands = last_words(newcomer.printed[newcomer.printed.index("What to do next") :])
    assert {"inspect", "run", "compare"} <= set(re.findall(r"build/src/apps/moescope (\w+)", commands))
    assert commands.count(" --out results/first_run/mine.h5 --overwrite\n") == 1  # so they may be pasted again
    newcomer.paste(commands, newcomer.folder)
    assert list((newcomer.tree / "results/first_run/mine").glob("*.pdf"))


@pytest.mark.parametrize("name", IN_ORDER)
def test_the_commands_of_a_text_run_as_they_stand(newcomer, name):
    found = commands(name)
    if name == "README.md":
        found += whole_commands_of_the_readme()
    newcomer.paste("\n".join(found), timeout=3600 if WHOLE else 300)


def whole_commands_of_the_readme():
    """Between backquotes, without what a reader has to fill in."""
    spans = re.findall(r"`([^`\n]+)`", (ROOT / "README.md").read_text())
    whole = [span for span in spans if "$moescope " in span and not re.search(r"\b[A-Z]+\b", span)]
    assert len(whole) >= 2 and any("--dry-run" in span for span in whole)
    return whole


def test_the_lines_of_python_on_a_sweep_print_a_row_for_each_number_of_ranks(newcomer):
    (lines,) = [block for language, block in blocks((ROOT / "docs/first_sweep.md").read_text()) if language == "python"]
    printed = newcomer.paste(f"/usr/bin/python3 - <<'END'\n{lines}\nEND")
    assert [line.split()[0] for line in printed.splitlines()][:2] == ["1", "2"]


def test_every_block_of_commands_is_run_or_named():
    unknown = []
    for path in texts():
        name = str(path.relative_to(ROOT))
        for language, block in blocks(path.read_text()):
            assert language in ("", "text", "toml", "python"), (name, language)
            if language == "" and name not in IN_ORDER and not any(part in block for part in NOT_RUN):
                unknown.append((name, block))
    assert not unknown, "add the text to IN_ORDER, or the block to NOT_RUN with the reason"


def test_everything_that_is_named_still_stands_in_a_text():
    every = "\n".join(block for path in texts() for language, block in blocks(path.read_text()) if language == "")
    for part in [*NOT_RUN, *NEEDS, TOOL]:
        assert part in every, part


def test_commands_parse_and_tables_are_toml():
    for path in texts():
        for language, block in blocks(path.read_text()):
            if language == "":
                assert subprocess.run(["bash", "-n"], input=block, text=True).returncode == 0, block
                assert not re.search(r"^[^#\n]*\.\.\.", block, re.MULTILINE), (
                    f"{path}: a reader cannot paste an ellipsis: {block}"
                )
            if language == "toml":
                tomllib.loads(block)
