"""Compiles each source that is instantiated for the storage types once more, without code, with sums of floats in double
(wide.hpp): where one type is taken for the other, a View does not fit."""

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "src"


def instantiated(path: Path) -> bool:
    return path.is_relative_to(SOURCES) and "MOESCOPE_FOR_SCALARS" in path.read_text()


def errors_of(entry: dict) -> str:
    arguments = [word for word in shlex.split(entry["command"]) if "ccache" not in word and not word.startswith("-O")]
    at = arguments.index("-o")
    del arguments[at : at + 2]
    arguments += ["-O0", "-fsyntax-only", "-include", str(HERE / "wide.hpp")]
    done = subprocess.run(arguments, cwd=entry["directory"], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def main() -> int:
    entries = json.loads((Path(sys.argv[1]) / "compile_commands.json").read_text())
    if any("nvcc" in entry["command"].split()[0] for entry in entries):
        return 77
    entries = [entry for entry in entries if instantiated(Path(entry["file"]))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [text for text in pool.map(errors_of, entries) if text]
    print("\n".join(found), f"{len(entries)} sources, {len(found)} of them take one type for the other", sep="\n")
    return 1 if found or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
