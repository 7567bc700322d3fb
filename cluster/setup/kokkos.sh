#!/usr/bin/env bash
# Builds Kokkos 4.7.00 (OpenMP + Serial) once into a cache and prints the folder to use as Kokkos_ROOT.
# Debian has no Kokkos of this generation. The source is the copy that the PyPI source distribution of pygenten
# (Sandia's GenTen) carries unmodified; its hash is checked. A Kokkos of your own (Spack, module) is used instead
# when Kokkos_ROOT is set.
set -euo pipefail

if [ -n "${Kokkos_ROOT:-}" ]; then echo "$Kokkos_ROOT"; exit 0; fi

version=4.7.00
archive=pygenten-0.1.5.tar.gz
sha256=e620f05c742905e2db705d875f1cac92ef0ed453f9e6734e9beda26cc0f9cce7
cache=${MOESCOPE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/moescope}
prefix=$cache/kokkos-$version
if [ -e "$prefix/complete" ]; then echo "$prefix"; exit 0; fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
log=$cache/kokkos-$version.log
finish() {
  status=$?
  rm -rf "$work"
  [ $status -eq 0 ] || { echo "Kokkos could not be built; the end of $log:"; tail -n 20 "$log"; } >&2
}
trap finish EXIT

echo "Building Kokkos $version into $prefix (once, about a minute; log: $log)" >&2
(
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -m venv "$work/venv"
  "$work/venv/bin/pip" download --no-deps --no-binary pygenten --dest "$work" pygenten==0.1.5
  echo "$sha256  $work/$archive" | sha256sum --check
  tar -xf "$work/$archive" -C "$work" --wildcards '*/tpls/kokkos/*'
  cmake -S "$work"/pygenten-*/tpls/kokkos -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_STANDARD=20 -DKokkos_ENABLE_OPENMP=ON -DKokkos_ENABLE_SERIAL=ON -DCMAKE_INSTALL_PREFIX="$work/install"
  cmake --build "$work/build" --parallel "$(nproc)"
  cmake --install "$work/build"
) >"$log" 2>&1
touch "$work/install/complete"
rm -rf "$prefix"
mv "$work/install" "$prefix"
echo "$prefix"
