#!/usr/bin/env bash
# Packages, Kokkos, configure, compile into build/. Arguments go to CMake: cluster/setup/build.sh -DMOESCOPE_TESTS=OFF
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
log=build/build.log

stage() { printf '[%4d s] %s\n' "$SECONDS" "$1"; }

logged() {
  if ! "$@" >>"$log" 2>&1; then
    echo "This failed: $*" >&2
    echo "The end of $log:" >&2
    tail -n 40 "$log" >&2
    exit 1
  fi
}

stage "packages"
cluster/setup/packages.sh
stage "Kokkos"
Kokkos_ROOT=$(cluster/setup/kokkos.sh)
export Kokkos_ROOT
mkdir -p build
: >"$log"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
stage "configure"
logged cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DPython3_EXECUTABLE="$python" "$@"
stage "compile (the first time takes minutes; progress in $log)"
logged cmake --build build --parallel "$(env -u OMP_NUM_THREADS nproc)"
stage "built"
