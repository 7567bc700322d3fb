"""What the program's last lines propose runs when pasted into a fresh shell, as root too."""

import os
import re
import shutil
import subprocess

import pytest

from program import EXECUTABLE, ROOT, execute

TEXTS = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/*/README.md")])
SET_BY_THE_ENVIRONMENT = ("OMPI_", "PRTE_", "OMP_", "PMIX_")
ONE_RANK = "build/src/apps/moescope run experiments/first_run/base.toml --set layout.ep=1 --set train.steps=2"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """What a new user has after quickstart.sh: the program, the packed text and a run file, in place."""
    folder = tmp_path_factory.mktemp("new user's tree")
    for name in ("analysis", "cluster", "experiments", "tests"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "build/src/apps").mkdir(parents=True)
    (folder / "build/src/apps/moescope").symlink_to(EXECUTABLE)
    domains = [f"code={ROOT}/analysis:py", f"headers={ROOT}/src:hpp", f"licences={ROOT}/docs:md"]
    words = [word for domain in domains for word in ("--domain", domain)]
    packed = execute("data", "pack", "--out", "results/first_run/data", "--held-out", "0.3", *words, cwd=folder)
    assert packed.code == 0, packed
    paste(ONE_RANK, folder)
    return folder


def paste(commands, folder, shell="bash"):
    """In a shell that nobody has prepared, ending at the first failure; with few steps where many are asked for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SET_BY_THE_ENVIRONMENT)}
    environment |= {"OMPI_MCA_mpi_yield_when_idle": "1"}  # ranks that wait leave a busy machine's cores to the others
    short = re.sub(r"train\.steps=\d+", "train.steps=2", commands)
    done = subprocess.run(
        [shell, "-ec", short], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, (short, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def indented(text):
    return "\n".join(line.strip() for line in text.splitlines() if line.startswith("  "))


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_lets_mpirun_start_stands_before_its_first_use(text):
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", text.read_text(), re.DOTALL | re.MULTILINE))
    before, found, _ = re.split(r"(^mpirun )", blocks, maxsplit=1, flags=re.MULTILINE) if "\nmpirun " in blocks else ("", "", "")
    assert not found or "source cluster/setup/mpi_environment.sh" in before


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_last_lines_of_a_run_run(shell, tree):
    out = "results/it's mine.h5"
    printed = paste(f'{ONE_RANK} --out "{out}" --overwrite', tree, shell)
    commands = indented(printed[printed.index(f"Run file: {out}\nNext:\n") :])
    assert commands.count("\n") == 1
    assert "complete" in paste(commands, tree, shell) and (tree / "results/figures").is_dir()
    shutil.rmtree(tree / "results/figures")


def test_a_program_that_is_found_by_its_name_is_proposed_by_it(tree, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/moescope").symlink_to(EXECUTABLE)
    (tmp_path / "results").symlink_to(tree / "results")
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    path = f'PATH="{tmp_path}/bin:$PATH"\n'
    printed = paste(path + ONE_RANK.replace("build/src/apps/", "") + " --out run.h5", tmp_path)
    assert printed.endswith("Next:\n  moescope inspect run.h5\n")
    paste(path + indented(printed[printed.index("Next:") :]), tmp_path)
