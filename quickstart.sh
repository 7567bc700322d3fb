#!/usr/bin/env bash
# A first look: builds moescope, trains a small LLaMA-MoE on text that this machine already has, over two or four MPI
# ranks, and draws what happened. A free run claims (loss, throughput, MFU, imbalance, bytes); a phased run of the same
# configuration explains where a step's time goes. Everything lands in results/first_run. Run it again at will.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
out=results/first_run
moescope=build/src/apps/moescope

cluster/setup/build.sh -DMOESCOPE_TESTS=OFF
source cluster/setup/mpi_environment.sh

stage() { printf '[%4d s] %s\n' "$SECONDS" "$1"; }

# Physical cores, where the machine tells; hyperthreads do not count.
cores=$(lscpu -p=CORE,SOCKET 2>/dev/null | grep -v '^#' | sort -u | wc -l || true)
available=$(env -u OMP_NUM_THREADS nproc)
[ "$cores" -ge 1 ] && [ "$cores" -le "$available" ] || cores=$available
if [ "$cores" -ge 4 ]; then
  ranks=4 layout=(--set layout.ep=2 --set layout.tp=2)
else
  ranks=2 layout=(--set layout.ep=2)
fi
[ "$cores" -ge 2 ] || export OMPI_MCA_mpi_yield_when_idle=1

if [ ! -e "$out/data/data.json" ]; then
  stage "packing text of this machine into $out/data"
  library=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
  "$moescope" data pack --out "$out/data" --max-mb 4 --domain code="$library:py" --domain headers=/usr/include:h \
    --domain licences=/usr/share/common-licenses
fi

[ -t 2 ] && progress=always || progress=never
train() {
  mpirun -n "$ranks" "$moescope" run --progress "$progress" experiments/first_run/base.toml "${layout[@]}" --overwrite "$@"
}
stage "training over $ranks ranks"
train --out "$out/run.h5"
stage "the same with the phases of each step told apart"
train --set train.timing=phased --out "$out/phased.h5"

stage "drawing"
/usr/bin/python3 analysis/figures.py "$out/run.h5" "$out/phased.h5" --report

cat <<END

The run files: $out/run.h5 (loss, throughput, MFU, imbalance, bytes), $out/phased.h5 (where a step's time goes)
The report:    $out/figures/report.html, one page for a browser; its figures beside it as PDF and PNG
What to do next: look at the run, change one thing, and look again, for instance
  cd $(printf %q "$PWD")
  $moescope inspect $out/run.h5
  source cluster/setup/mpi_environment.sh
  mpirun -n 2 $moescope run experiments/first_run/base.toml --set gate.kind=switch --set train.steps=50 --out $out/mine.h5 --overwrite
  $moescope compare $out/run.h5 $out/mine.h5
  /usr/bin/python3 analysis/figures.py $out/mine.h5 --out $out/mine
END
