#!/usr/bin/python3
"""Stands in for the program: keys, refusals and run files as the real one has them, in a tenth of a second.

`data.path` says how a launch goes: fail, fail_once, wrong, slow (waits for a signal), or anything else for well."""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

NOT_NUMBERS = ("layout.", "record.", "train.dispatcher", "train.timing", "data.path")


def hashed(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def settings_of(words):
    pairs = [words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set"]
    return {key: json.loads(value) for key, value in pairs}


def keys(settings):
    numbers = {key: value for key, value in settings.items() if not key.startswith(NOT_NUMBERS)}
    cell = settings | {"threads": os.environ.get("OMP_NUM_THREADS"), "build": "fake"}
    return {"computation_key": hashed(numbers), "cell_key": hashed(cell)}


def dry_run(settings):
    ranks, ep = settings.get("layout.ranks", 1), settings.get("layout.ep", 1)
    if ranks % ep:
        sys.exit(f"moescope: layout.ep = {ep} does not divide layout.ranks = {ranks}")
    said = {"layout": {"ranks": ranks}, "parameters": {"active": 1000}, "memory_bytes_of_heaviest_rank": {"total": 2**20}}
    print(json.dumps(said | keys(settings)))


def write(path, settings, status):
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update({"schema_version": 1, "status": status, "status_reason": "a check failed" if status == "wrong" else ""})
        file.attrs.update({"timing": "free", "oversubscribed": 0})
        file["steps_done"], file["step"] = 4, range(4)
        file["raw/warm_up"] = [1, 0, 0, 0]
        for name in ("total", "cross_entropy"):
            file[f"raw/loss/{name}"] = [5.0, 4.0, 3.0, 2.5 + settings.get("layout.tp", 1) * settings.get("eval.every", 0)]
        summary = file.create_dataset("derived/summary/step_seconds", data=[0.1, 0.1, 0.09, 0.11, 3])
        summary.attrs["units"] = "s"
        file.create_group("config").attrs.update(keys(settings))
        file.create_group("provenance").attrs.update({"dirty": "false", "build_type": "Release"})


def run(settings, out):
    how = settings.get("data.path", "")
    write(f"{out}.partial", settings, "running")
    if how == "slow":
        time.sleep(60)
    if how == "fail" or (how == "fail_once" and out.parent.name == "attempt_1"):
        sys.exit("moescope: this launch was told to fail")
    write(f"{out}.partial", settings, "wrong" if how == "wrong" else "complete")
    os.replace(f"{out}.partial", out)
    sys.exit(how == "wrong")


if "--version" in sys.argv:
    print("moescope 0 (fake)")
elif "--dry-run" in sys.argv:
    dry_run(settings_of(sys.argv))
else:
    run(settings_of(sys.argv), Path(sys.argv[sys.argv.index("--out") + 1]))
