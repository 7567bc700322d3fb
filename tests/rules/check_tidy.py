#!/usr/bin/python3
"""clang-tidy with the checks of .clang-tidy over every compiled source of src and tests, in parallel.

check_tidy.py BUILD [PART_OF_PATH...] prints the findings and exits with 1 when there is any, with 77 (skipped) without
clang-tidy 14. A source that was clean is not looked at again while it, the headers of ours that it includes, its compile
command and the checks stay the same; what was clean is kept in the cache folder."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from check_format import SKIPPED, cache

ROOT = Path(__file__).resolve().parents[2]
VERSION = 14
GCC_ONLY = re.compile(r"-m(move|store)-max=|-Wno-error=restrict")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def clang_tidy():
    for name in (f"clang-tidy-{VERSION}", "clang-tidy"):
        if program := shutil.which(name):
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            if re.search(rf"version {VERSION}\.", said):
                return program
    return None


def own_headers(source):
    """The source and every header of ours that it includes, directly or not."""
    found, waiting = set(), [source]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in INCLUDE.findall(path.read_text()):
            waiting += [folder / name for folder in (ROOT / "src", ROOT / "tests", path.parent) if (folder / name).is_file()]
    return sorted(found)


def fingerprint(source, arguments):
    text = " ".join(arguments).replace(str(ROOT), "")
    checks = [folder / ".clang-tidy" for folder in source.parents if folder.is_relative_to(ROOT)]
    files = [*(path for path in checks if path.is_file()), *own_headers(source)]
    parts = [text.encode(), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def commands(build):
    """(source, directory, arguments that clang understands) of each source of ours."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["file"])
        if source.is_relative_to(ROOT / "src") or source.is_relative_to(ROOT / "tests"):
            arguments = [word for word in shlex.split(entry["command"]) if not GCC_ONLY.match(word)]
            yield source, entry["directory"], arguments


def main():
    build, wanted = Path(sys.argv[1]).resolve(), sys.argv[2:]
    program = clang_tidy()
    if not program:
        print(f"skipped: clang-tidy {VERSION} is not here (Debian 12: apt-get install clang-tidy)")
        sys.exit(SKIPPED)
    stamps, database = cache() / "tidy", build / "tidy"
    stamps.mkdir(parents=True, exist_ok=True)
    database.mkdir(exist_ok=True)
    chosen = [c for c in commands(build) if not wanted or any(part in str(c[0].relative_to(ROOT)) for part in wanted)]
    (database / "compile_commands.json").write_text(
        json.dumps([{"file": str(source), "directory": where, "arguments": words} for source, where, words in chosen])
    )

    def is_clean(command):
        source, _, arguments = command
        stamp = stamps / fingerprint(source, arguments)
        if stamp.exists():
            return True
        result = subprocess.run([program, "--quiet", "-p", database, source], capture_output=True, text=True, check=False)
        if result.returncode == 0:
            stamp.touch()
            return True
        print(result.stdout, flush=True)
        return False

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        verdicts = list(pool.map(is_clean, chosen))
    print(f"clang-tidy: {len(verdicts)} sources, {verdicts.count(False)} with findings")
    sys.exit(0 if verdicts and all(verdicts) else 1)


if __name__ == "__main__":
    main()
