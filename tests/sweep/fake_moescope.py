#!/usr/bin/python3
"""Stands in for the program: keys, refusals and run files as the real one has them, in a tenth of a second.

`data.path` says how a launch goes: fail, fail_once, wrong, slow (does two of its four steps and waits for a signal), slow_once
(so in its first attempt), deaf (so, and takes no signal), or anything else for well."""

import hashlib
import json
import math
import os
import signal
import sys
import time
import tomllib
from pathlib import Path

NOT_NUMBERS = ("layout.", "record.", "train.dispatcher", "train.timing", "data.path")
STEPS = 4


def hashed(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def settings_of(words):
    """Of the configuration file and --set."""
    tables = tomllib.loads(Path(words[2]).read_text(encoding="utf-8-sig"))
    base = {f"{table}.{key}": value for table, keys in tables.items() for key, value in keys.items()}
    pairs = [words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set"]
    return base | {key: tomllib.loads(f"value = {value}")["value"] for key, value in pairs}


def keys(settings):
    numbers = {key: value for key, value in settings.items() if not key.startswith((*NOT_NUMBERS, "checkpoint."))}
    settings = {key: value for key, value in settings.items() if not key.startswith("checkpoint.")}
    cell = settings | {"threads": os.environ.get("OMP_NUM_THREADS"), "build": "fake"}
    return {"computation_key": hashed(numbers), "cell_key": hashed(cell)}


def dry_run(settings):
    """Layouts have ep and edp alone."""
    ep = settings.get("layout.ep", 1)
    if ep < 1:
        sys.exit(f"moescope: layout.ep = {ep} must be at least 1")
    if settings.get("train.timing") == "phased" and settings.get("layout.pp", 1) > 1:
        sys.exit("moescope: train.timing = phased cannot be with layout.pp above 1")
    ranks = settings.get("layout.ranks") or ep * settings.get("layout.edp", 1)
    if ranks % ep:
        sys.exit(f"moescope: layout.ep = {ep} does not divide layout.ranks = {ranks}")
    said = {"layout": {"ranks": ranks}, "parameters": {"active": 1000}, "memory_bytes_of_heaviest_rank": {"total": 2**20}}
    print(json.dumps(said | keys(settings)))


def losses(settings):
    """Four steps; fake.first and fake.later make layouts differ, fake.repeat repeats, fake.seed seeds, fake.phased the timing."""
    tp, repeat = settings.get("layout.tp", 1), settings["record.repeat"]
    seeded = settings.get("train.seed", 0) * settings.get("fake.seed", 0)
    first = 5.0 + tp * settings.get("fake.first", 0)
    first += settings.get("fake.phased", 0) * (settings.get("train.timing") == "phased")
    return [first, 4.0, 3.0, 2.5 + seeded + tp * settings.get("fake.later", 0) + repeat * settings.get("fake.repeat", 0)]


def write(path, settings, status, steps_done=STEPS, attempt=0):
    import h5py
    import numpy as np

    with h5py.File(path, "w") as file:
        reason = "a check failed" if status == "wrong" else ""
        file.attrs.update({"schema_version": 1, "status": status, "status_reason": reason})
        file.attrs.update({"oversubscribed": settings.get("fake.oversubscribed", 0), "created": time.strftime("%FT%TZ")})
        file.attrs["timing"] = timing = settings.get("train.timing", "free")
        file.attrs["attempt"] = attempt
        workload = settings.get("routing.forced", "none")
        file.attrs["routing"] = "natural" if workload == "none" else f"forced:{workload}"
        file.update(
            {
                "steps_done": steps_done,
                "step": range(STEPS),
                "node": [b"n0"],
                "collective": [b"dp.gradients"],
                "memory_purpose": [b"all"],
            }
        )
        file.update({"raw/warm_up": [1, 0, 0, 0], "raw/expert_tokens_routed": np.ones((4, 1, 2))})
        file.update({f"raw/loss/{name}": losses(settings) for name in ("total", "cross_entropy")})
        file.update({f"raw/collective_{kind}_bytes": np.full((4, 2, 1), 10) for kind in ("payload", "wire")})
        file.update({"raw/memory_bytes": np.full((4, 2), 7), "raw/memory_by_purpose": np.full((4, 2, 1), 7)})
        file.update({"raw/eval/at_step": [0, 4], "raw/eval/loss": [[5.0], [2.0]], "domain": [b"code"]})
        seconds = settings.get("fake.seconds", 0.1) if timing == "free" else math.nan
        file["derived/summary/step_seconds"] = [seconds, seconds, 0.09, 0.11, 3] if timing == "free" else [math.nan] * 4 + [0]
        file.update({"phase": [b"gate", b"experts"], "raw/phase_seconds": np.full((4, 2, 2), 0.04)})
        file["derived/summary/step_seconds"].attrs["units"] = "s"
        resolved = json.dumps({"train.dtype": "float64", "train.timing": "free"} | settings)
        file.create_group("config").attrs.update(keys(settings) | {"resolved": resolved})
        told = {
            "dirty": "false",
            "build_type": "Release",
            "commit": "fake",
            "threads_per_rank": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        file.create_group("provenance").attrs.update(told)


def stop_with_a_checkpoint(path, settings, attempt, steps):
    """At the first signal: as the program does at the end of the step under way."""

    def stop(*_):
        checkpoint = Path(settings["checkpoint.path"], f"step_{steps:08}")
        checkpoint.mkdir(parents=True, exist_ok=True)
        (checkpoint / "checkpoint.json").write_text(json.dumps({"attempt": attempt}))
        write(path, settings, "stopped", steps, attempt)
        os._exit(75)

    listen(stop)


def listen(what):
    for number in (signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, what)


def run(settings, out, resume):
    how, first = settings.get("data.path", ""), out.parent.name == "attempt_1"
    done = int(resume.name[5:]) if resume else 0
    if resume and not (resume / "checkpoint.json").stat().st_size:
        sys.exit("moescope: checkpoint.json: the JSON is not valid")
    attempt = json.loads((resume / "checkpoint.json").read_text())["attempt"] + 1 if resume else 0
    write(f"{out}.begun", settings, "running", max(done, 2), attempt)
    if how.startswith("slow"):
        stop_with_a_checkpoint(f"{out}.partial", settings, attempt, 2)
    if how == "deaf":
        listen(signal.SIG_IGN)
    os.replace(f"{out}.begun", f"{out}.partial")  # from now on a test may send signals
    if sys.argv[sys.argv.index("--progress") + 1] == "lines":
        print(f"step {max(done, 2)}/{STEPS}  loss {losses(settings)[1]:.4f}", file=sys.stderr, flush=True)
    if how in ("slow", "deaf") or (how == "slow_once" and first):
        time.sleep(600)
    if how == "fail" or (how == "fail_once" and first):
        sys.exit("moescope: this launch was told to fail")
    write(f"{out}.partial", settings, "wrong" if how == "wrong" else "complete", STEPS, attempt)
    os.replace(f"{out}.partial", out)
    sys.exit(how == "wrong")


if "--version" in sys.argv:
    print("moescope 0 (fake)")
elif "--dry-run" in sys.argv:
    dry_run(settings_of(sys.argv))
else:
    resumed = Path(sys.argv[sys.argv.index("--resume") + 1]) if "--resume" in sys.argv else None
    run(settings_of(sys.argv), Path(sys.argv[sys.argv.index("--out") + 1]), resumed)
