#!/usr/bin/env python3
"""One training step of moescope beside the same step in PyTorch + Hugging Face transformers, and two ranks of one thread
beside one process of two: launches that alternate, then the median of their ratios with its interval.

  compare.py [--peer-python VENV/bin/python] [--launches 6] [--cases small,wide] [--out results/step_speed.json]
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# The layout of two ranks. One sequence is shared by tp. Whole experts (ep:2) would give one rank 11 % more products than the
# mean of the two in mixtral (executed_flops_imbalance of its step's benchmark), slices of each expert do not.
TWO_RANKS = {"small": "tp:1/ep:2", "wide": "tp:2/ep:2", "fine": "tp:2/ep:2", "mixtral": "tp:2/ep:1"}
BENCHMARKS = ROOT / "build/src/apps/benchmarks/moescope_benchmarks"


def environment(threads):
    chosen = {"OMP_NUM_THREADS": str(threads), "OMP_PROC_BIND": "true" if threads > 1 else "false"}
    return {**os.environ, **chosen}


def run_moescope(case, ranks, threads, layout):
    """Seconds of forward and backward, of the optimiser, and the share of the peak: means of three steps after a first one."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
        command += [str(BENCHMARKS), f"--benchmark_filter=^step/{case}/{layout}/", "--benchmark_repetitions=1"]
        command += [f"--benchmark_out={out.name}", "--benchmark_out_format=json"]
        subprocess.run(command, env=environment(threads), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (run,) = json.loads(Path(out.name).read_text())["benchmarks"]
    return {key: run[key] for key in ("forward_backward_seconds", "optimizer_seconds", "forward_backward_of_peak")}


def run_peer(python, case, experts, threads):
    command = [python, str(HERE / "hugging_face_step.py"), case, "--experts", experts, "--threads", str(threads)]
    done = subprocess.run(command, env=environment(threads), check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def interval(values):
    """Rank-based 95 % interval of the median (Hoefler and Belli, SC'15); from n = 6 on it is within the sample."""
    ordered, n = sorted(values), len(values)
    below, k = 0.0, 0
    while below + math.comb(n, k) / 2**n <= 0.025:
        below += math.comb(n, k) / 2**n
        k += 1
    return (ordered[k - 1], ordered[n - k]) if k > 0 else (math.nan, math.nan)


def ratio(slower, faster):
    """Of paired launches; above 1 where the second is faster."""
    whole = [a["forward_backward_seconds"] / b["forward_backward_seconds"] for a, b in zip(slower, faster, strict=True)]
    low, high = interval(whole)
    return {"median": statistics.median(whole), "low": low, "high": high, "launches": whole}


def compare(case, arguments):
    arms = {"moescope": [], "two_ranks": []} | ({"peer": []} if arguments.peer_python else {})
    for launch in range(arguments.launches):
        arms["moescope"].append(run_moescope(case, 1, 2, "tp:1/ep:1"))
        if arguments.peer_python:
            arms["peer"].append(run_peer(arguments.peer_python, case, arguments.experts, 2))
        arms["two_ranks"].append(run_moescope(case, 2, 1, TWO_RANKS[case]))
        if sys.stderr.isatty():
            print(f"\r{case}: {launch + 1} of {arguments.launches} launches", end="", file=sys.stderr)
    share = {arm: statistics.median(run["forward_backward_of_peak"] for run in runs) for arm, runs in arms.items()}
    result = {"case": case, "of_peak": share, "two_threads_over_two_ranks": ratio(arms["moescope"], arms["two_ranks"])}
    if arguments.peer_python:
        result["peer_over_moescope"] = ratio(arms["peer"], arms["moescope"])
    return result | {"raw": arms}


def describe(result):
    told = [f"of its own peak {', '.join(f'{arm} {share:.2f}' for arm, share in result['of_peak'].items())}"]
    for key, name in (("peer_over_moescope", "peer / moescope"), ("two_threads_over_two_ranks", "two threads / two ranks")):
        if r := result.get(key):
            told.append(f"{name} {r['median']:.2f} [{r['low']:.2f}, {r['high']:.2f}]")
    return f"{result['case']}: {'; '.join(told)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="a Python with torch and transformers; without, moescope alone is measured")
    parser.add_argument("--experts", default="grouped_mm", help="the peer's way of its experts; grouped_mm is its fastest")
    parser.add_argument("--cases", default=",".join(TWO_RANKS))
    parser.add_argument("--launches", type=int, default=6)
    parser.add_argument("--out", default=str(ROOT / "results/step_speed.json"))
    arguments = parser.parse_args()
    if not BENCHMARKS.exists():
        sys.exit(f"compare.py: {BENCHMARKS} is missing; build it with cluster/setup/build.sh -DMOESCOPE_BENCHMARKS=ON")
    results = []
    for case in arguments.cases.split(","):
        result = compare(case, arguments)
        results.append(result)
        print(describe(result), flush=True)
        Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments.out).write_text(json.dumps(results, indent=1))
    print(f"Raw data: {arguments.out}")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"compare.py: this failed with exit code {error.returncode}; run it alone to see why: {' '.join(error.cmd)}")
