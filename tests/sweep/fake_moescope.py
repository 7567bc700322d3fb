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


def losses(settings):
    """Four steps; fake.first and fake.later make layouts differ, fake.repeat makes repeats differ."""
    tp, repeat = settings.get("layout.tp", 1), settings["record.repeat"]
    first = 5.0 + tp * settings.get("fake.first", 0)
    return [first, 4.0, 3.0, 2.5 + tp * settings.get("fake.later", 0) + repeat * settings.get("fake.repeat", 0)]


def write(path, settings, status):
    import h5py
    import numpy as np

    with h5py.File(path, "w") as file:
        reason = "a check failed" if status == "wrong" else ""
        file.attrs.update({"schema_version": 1, "status": status, "status_reason": reason, "timing": "free", "oversubscribed": 0})
        file.update(
            {"steps_done": 4, "step": range(4), "node": [b"n0"], "collective": [b"dp.gradients"], "memory_purpose": [b"all"]}
        )
        file.update({"raw/warm_up": [1, 0, 0, 0], "raw/expert_tokens_routed": np.ones((4, 1, 2))})
        file.update({f"raw/loss/{name}": losses(settings) for name in ("total", "cross_entropy")})
        file.update({f"raw/collective_{kind}_bytes": np.full((4, 2, 1), 10) for kind in ("payload", "wire")})
        file.update({"raw/memory_bytes": np.full((4, 2), 7), "raw/memory_by_purpose": np.full((4, 2, 1), 7)})
        file.update({"raw/eval/at_step": [0, 4], "raw/eval/loss": [[5.0], [2.0]], "domain": [b"code"]})
        file["derived/summary/step_seconds"] = [0.1, 0.1, 0.09, 0.11, 3]
        file["derived/summary/step_seconds"].attrs["units"] = "s"
        resolved = json.dumps({"train": {"dtype": settings.get("train.dtype", "float64")}})
        file.create_group("config").attrs.update(keys(settings) | {"resolved": resolved})
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
