"""Somebody who has just run quickstart.sh: a tree, a home folder, a user, and a shell that nobody has prepared."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from program import EXECUTABLE, ROOT

PARTS = ("analysis", "cluster", "docs", "experiments", "tests/golden", "quickstart.sh")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUILD = "cluster/setup/build.sh -DMOESCOPE_TESTS=OFF\n"
LAPTOP = (
    '[size.laptop.sweep.zip]\nstudy = ["weak", "weak", "strong"]\n"layout.ranks" = [1, 2, 1]\n"batch.sequences" = [4, 8, 8]\n'
)
SMALLER = {  # commands stand as they are; the experiments that they name are small
    "experiments/first_run/base.toml": [
        ("\nhidden_size = 128", "\nhidden_size = 32"),
        ("intermediate_size = 1024", "intermediate_size = 256"),
        ("\nsequences = 16\n", "\nsequences = 4\n"),
        ("sequence_length = 128", "sequence_length = 32"),
        ("\nsteps = 300", "\nsteps = 12"),
        ("every = 50\n", "every = 6\n"),
        ("sequences = 16  ", "sequences = 4  "),
    ],
    "experiments/scaling/base.toml": [("hidden_size = 128", "hidden_size = 32"), ("steps = 20", "steps = 8")],
    "experiments/scaling/sweep.toml": [
        ("repeats = 7 ", "repeats = 1 "),
        ('[size.laptop.sweep.zip]\nstudy = ["weak", "weak", "weak", "weak", "strong", "strong", "strong", "strong"]\n', LAPTOP),
        ('"layout.ranks" = [1, 2, 4, 8, 1, 2, 4, 8]\n"batch.sequences" = [4, 8, 16, 32, 8, 8, 8, 8]\n', ""),
    ],
}


@dataclass
class Newcomer:
    """`user`: of another than the one who runs the tests; None: of that one."""

    folder: Path
    user: tuple[int, int] | None = None

    def paste(self, commands, folder=None, timeout=300, shell="bash"):
        """Ends at the first command that fails. Nothing comes from the caller's environment."""
        environment = {"PATH": PATH, "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        who = {"user": self.user[0], "group": self.user[1], "extra_groups": []} if self.user else {}
        done = subprocess.run(
            [shell, "-ec", commands],
            cwd=folder or self.tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            **who,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "Traceback" not in said, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    @property
    def tree(self):
        return self.folder / "new user tree"

    def settle(self, whole):
        """Sources, program, home. `whole`: the experiments in the size that users have."""
        for name in ("home/notes", "home/src", "home/.openmpi", "tmp"):
            (self.folder / name).mkdir(parents=True)
        # ranks that wait leave a busy machine's cores to the others
        (self.folder / "home/.openmpi/mca-params.conf").write_text("mpi_yield_when_idle = 1\n")
        for part in PARTS:
            _copy(ROOT / part, self.tree / part)
        _copy(EXECUTABLE, self.tree / "build/src/apps/moescope")
        script = self.tree / "quickstart.sh"
        script.write_text(_replaced(script.read_text(), [(BUILD, "")]))
        for name, pairs in {} if whole else SMALLER.items():
            path = self.tree / name
            path.write_text(_replaced(path.read_text(), pairs))
        if self.user:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, *self.user, follow_symlinks=False)


def _copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
    return target


def _replaced(text, pairs):
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def last_words(printed):
    """The commands that a program proposes at its end: its indented lines."""
    return "\n".join(line.strip() for line in printed.splitlines() if re.match(r"  \S", line))
