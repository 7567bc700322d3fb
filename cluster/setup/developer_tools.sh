#!/usr/bin/env bash
# Puts clang-format and ruff, in the versions of developer_tools.txt, into the cache and prints the folder of the programs.
# Without them the tests rules.format.* are skipped; building and running moescope needs neither.
set -euo pipefail

pins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/developer_tools.txt
cache=${MOESCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moescope}
tools=$cache/developer_tools

if ! cmp -s "$pins" "$tools/installed.txt"; then
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  rm -rf "$tools"
  mkdir -p "$cache"
  "$python" -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes \
    --requirement "$pins" >&2
  cp "$pins" "$tools/installed.txt"
fi
echo "$tools/bin"
