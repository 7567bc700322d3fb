#!/usr/bin/env bash
# Builds Kokkos 4.7.00 once into a cache and prints the folder to use as Kokkos_ROOT.
#   cluster/setup/kokkos.sh         OpenMP and Serial
#   cluster/setup/kokkos.sh cuda    CUDA (for MOESCOPE_CUDA_ARCH, 90 without it) and Serial; nvcc must be on PATH
# Debian has no Kokkos of this generation. The source is the copy that the PyPI source distribution of pygenten
# (Sandia's GenTen) carries unmodified; its hash is checked. A Kokkos of your own (Spack, module) is used instead
# when Kokkos_ROOT is set and has that backend.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

version=4.7.00
archive=pygenten-0.1.5.tar.gz
sha256=e620f05c742905e2db705d875f1cac92ef0ed453f9e6734e9beda26cc0f9cce7
backend=${1:-openmp}

has_cuda() { grep -qs 'Kokkos_DEVICES.*CUDA' "$1"/lib*/cmake/Kokkos/KokkosConfigCommon.cmake; }
if [ -n "${Kokkos_ROOT:-}" ] && { [ "$backend" = openmp ] || has_cuda "$Kokkos_ROOT"; }; then
  echo "$Kokkos_ROOT"
  exit 0
fi

name=kokkos-$version
options=(-DKokkos_ENABLE_SERIAL=ON)
case $backend in
  openmp) options+=(-DKokkos_ENABLE_OPENMP=ON) ;;
  cuda)
    architecture=${MOESCOPE_CUDA_ARCH:-90}
    case $architecture in
      75) generation=TURING75 ;;
      80 | 86) generation=AMPERE$architecture ;;
      89) generation=ADA89 ;;
      90) generation=HOPPER90 ;;
      100 | 120) generation=BLACKWELL$architecture ;;
      *) echo "MOESCOPE_CUDA_ARCH=$architecture: this Kokkos knows 75, 80, 86, 89, 90, 100 and 120" >&2; exit 1 ;;
    esac
    name+=-cuda-sm$architecture
    options+=(-DKokkos_ENABLE_CUDA=ON -DKokkos_ENABLE_COMPILE_AS_CMAKE_LANGUAGE=ON "-DKokkos_ARCH_$generation=ON"
      "-DCMAKE_CUDA_ARCHITECTURES=$architecture")
    ;;
  *) echo "kokkos.sh knows the backends openmp and cuda, not '$backend'" >&2; exit 1 ;;
esac

cache=${MOESCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moescope}
prefix=$cache/$name
if [ -e "$prefix/complete" ]; then echo "$prefix"; exit 0; fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
log=$cache/$name.log
finish() {
  status=$?
  rm -rf "$work"
  [ $status -eq 0 ] || { echo "Kokkos could not be built; the end of $log:"; tail -n 20 "$log"; } >&2
}
trap finish EXIT

# Two calls that CUDA 13 gave another argument; Kokkos has both since 4.7.01.
adapt_to_cuda13() {
  sed -i -e 's/cudaGraphAddDependencies(graph, from, to, numDependencies)/cudaGraphAddDependencies(graph, from, to, nullptr, numDependencies)/' \
    -e 's/cudaMemPrefetchAsync(devPtr, count, dstDevice, m_stream)/cudaMemPrefetchAsync(devPtr, count, {cudaMemLocationTypeDevice, dstDevice}, 0, m_stream)/' \
    "$1/core/src/Cuda/Kokkos_Cuda_Instance.hpp"
}

echo "Building Kokkos $version for $backend into $prefix (once, a minute or two; log: $log)" >&2
(
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -m venv "$work/venv"
  "$work/venv/bin/pip" download --no-deps --no-binary pygenten --dest "$work" pygenten==0.1.5
  echo "$sha256  $work/$archive" | sha256sum --check
  tar -xf "$work/$archive" -C "$work" --wildcards '*/tpls/kokkos/*'
  cmake=cmake
  if [ "$backend" = cuda ]; then
    cmake=$(./cmake.sh)
    nvcc --version | grep -q 'release 1[0-2]\.' || adapt_to_cuda13 "$work"/pygenten-*/tpls/kokkos
  fi
  "$cmake" -S "$work"/pygenten-*/tpls/kokkos -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_STANDARD=20 "${options[@]}" -DCMAKE_INSTALL_PREFIX="$work/install"
  "$cmake" --build "$work/build" --parallel "$(nproc)"
  "$cmake" --install "$work/build"
) >"$log" 2>&1
touch "$work/install/complete"
rm -rf "$prefix"
mv "$work/install" "$prefix"
echo "$prefix"
