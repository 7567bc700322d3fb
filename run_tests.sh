#!/usr/bin/env bash
# Builds everything and runs every test but those labelled slow; where nvcc is installed, also compiles and links the program
# for CUDA. Exit code 0 only when all pass. Arguments go to CMake.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cluster/setup/build.sh -DMOESCOPE_TESTS=ON -DMOESCOPE_BENCHMARKS=ON "$@" || exit 1
source cluster/setup/mpi_environment.sh

failed=0 cores=$(env -u OMP_NUM_THREADS nproc)
ctest --test-dir build --label-exclude slow --output-on-failure --no-label-summary --no-tests=error \
  --parallel "$cores" | tee build/ctest.log || failed=1
nice cluster/setup/build.sh cuda "$@" >build/cuda.log 2>&1 &  # pytest often waits for processes; it takes what is left
cuda=$!
in_parallel=()
/usr/bin/python3 -c 'import xdist' 2>/dev/null && in_parallel=(-n "$((cores + 1))" --dist loadfile)
export OMPI_MCA_mpi_yield_when_idle=1  # so that ranks which wait leave the cores to those that work
/usr/bin/python3 -m pytest -q -p no:cacheprovider "${in_parallel[@]}" tests | tee build/pytest.log || failed=1
wait "$cuda" || { failed=1; cat build/cuda.log; }

printf '\nctest:  %s\n' "$(grep 'tests passed' build/ctest.log || tail -n 1 build/ctest.log)"
printf 'pytest: %s\n' "$(tail -n 1 build/pytest.log)"
printf 'CUDA:   %s\n' "$(tail -n 1 build/cuda.log)"
exit "$failed"
