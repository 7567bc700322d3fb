#!/usr/bin/python3
"""Every C++ file as clang-format writes it, every Python file as ruff writes it and without its complaints.

check_format.py c++|python [ROOT] prints each breach and exits with 1 when there is any, with 77 (skipped) where the
version of cluster/setup/developer_tools.txt is not found: cluster/setup/developer_tools.sh installs it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SKIPPED = 77
PINS = Path(__file__).resolve().parents[2] / "cluster/setup/developer_tools.txt"
CHECKS = {
    "c++": ("clang-format", (".cpp", ".hpp", ".h", ".cu"), [["--dry-run", "--Werror"]]),
    "python": (
        "ruff",
        (".py",),
        [["check", "--no-cache", "--quiet"], ["format", "--no-cache", "--quiet", "--diff"]],
    ),
}


def cache():
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moescope"
    return Path(os.environ.get("MOESCOPE_CACHE") or default)


def tool(name):
    """The program of the pinned version: the one in the cache, else the one in PATH; None where neither is it."""
    version = re.search(rf"^{name}==(\S+)", PINS.read_text(), re.MULTILINE)[1]
    for candidate in (cache() / "developer_tools/bin" / name, shutil.which(name)):
        if candidate and Path(candidate).is_file():
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
            if re.search(rf"\b{re.escape(version)}\b", said):
                return str(candidate)
    print(f"skipped: {name} {version} is not here; cluster/setup/developer_tools.sh installs it")
    return None


def files(root, endings):
    """Files with these endings in the tree, without hidden folders, builds and results."""
    for folder, folders, names in os.walk(root):
        top = Path(folder) == root
        folders[:] = sorted(f for f in folders if f[0] != "." and not (top and re.match(r"build|results$", f)))
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(endings))


def main():
    name, endings, commands = CHECKS[sys.argv[1]]
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parents[2]
    if not (program := tool(name)):
        sys.exit(SKIPPED)
    ours = list(files(root, endings))
    failed = [command for command in commands if subprocess.run([program, *command, *ours], check=False).returncode]
    print(f"{name}: {len(ours)} files")
    sys.exit(1 if failed or not ours else 0)


if __name__ == "__main__":
    main()
