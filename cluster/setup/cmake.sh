#!/usr/bin/env bash
# Prints a CMake that knows CUDA C++20 (3.25.2 or later): the one on PATH, or else PyPI's, installed once into a cache.
set -euo pipefail

newer() { printf '3.25.2\n%s\n' "$("$1" --version | awk 'NR == 1 { print $3 }')" | sort --version-sort --check=quiet; }

if found=$(command -v cmake) && newer "$found"; then echo "$found"; exit 0; fi

environment=${MOESCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moescope}/cmake
if ! [ -x "$environment/bin/cmake" ]; then
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -m venv "$environment" >&2
  "$environment/bin/pip" install --quiet 'cmake>=3.25.2' >&2
fi
echo "$environment/bin/cmake"
