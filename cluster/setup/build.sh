#!/usr/bin/env bash
# Packages, Kokkos, configure, compile.
#   cluster/setup/build.sh         into build/, for this machine's cores
#   cluster/setup/build.sh cuda    the program alone into build-cuda/, with nvcc, for MOESCOPE_CUDA_ARCH (90 without it);
#                                  needs no GPU, and does nothing where there is no nvcc
# Further arguments go to CMake: cluster/setup/build.sh -DMOESCOPE_TESTS=OFF
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

backend=openmp build=build
[ "${1:-}" = cuda ] && { backend=cuda build=build-cuda; shift; set -- -DMOESCOPE_TESTS=OFF "$@"; }
if [ $backend = cuda ] && ! command -v nvcc >/dev/null; then
  if ! [ -x /usr/local/cuda/bin/nvcc ]; then
    echo "The CUDA build is skipped: there is no nvcc on PATH or in /usr/local/cuda/bin."
    exit 0
  fi
  export PATH=$PATH:/usr/local/cuda/bin
fi
log=$build/build.log

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
Kokkos_ROOT=$(cluster/setup/kokkos.sh $backend)
export Kokkos_ROOT
cmake=cmake
[ $backend = openmp ] || cmake=$(cluster/setup/cmake.sh)
mkdir -p "$build"
: >"$log"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
stage "configure"
logged "$cmake" -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPython3_EXECUTABLE="$python" "$@"
stage "compile (the first time takes minutes; progress in $log)"
logged "$cmake" --build "$build" --parallel "$(env -u OMP_NUM_THREADS nproc)"
stage "built"
