#!/usr/bin/env bash
# Installs the Debian packages that moescope needs and lacks here, with root or sudo; without, it names them. Does nothing
# when all are there.
set -euo pipefail

needed="
compiler and build:       g++ cmake ninja-build ccache git ca-certificates
message passing:          libopenmpi-dev openmpi-bin
run files, checkpoints:   libhdf5-dev zlib1g-dev
matrix products:          libdnnl-dev libopenblas-openmp-dev libopenblas0-openmp
configuration and text:   libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev
tests:                    catch2 python3-pytest python3-pytest-xdist libbenchmark-dev
figures:                  python3 python3-h5py python3-matplotlib python3-numpy
fetching Kokkos:          python3-venv
"

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "Not a Debian system: using the compiler, MPI and libraries that this environment offers. Needed are:$needed" >&2
  exit 0
fi

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=() reasons=
while IFS=: read -r purpose packages; do
  lacking=
  for package in $packages; do installed "$package" || lacking+=" $package"; done
  [ -z "$lacking" ] || { missing+=($lacking); reasons+="  $purpose:$lacking"$'\n'; }
done <<<"$needed"
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
  else
    printf 'These Debian packages are missing, and installing them needs root or sudo:\n%s' "$reasons" >&2
    echo "Going on with what is there. Should that fail, ask for: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 0
  fi
fi

printf 'Installing Debian packages:\n%s' "$reasons" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
      install --no-install-recommends "${missing[@]}"
}
if ! install >"$log" 2>&1; then
  echo "The packages could not be installed; apt-get says:" >&2
  tail -n 20 "$log" >&2
  exit 1
fi
