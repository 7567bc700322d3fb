#!/usr/bin/python3
"""Writes the numbers of each step of run files for other programs: as CSV, a row for each step, with the configuration as JSON
beside it (Weights & Biases, pandas, spreadsheets); with --to tensorboard as event files (needs `pip install tensorboard`).

Warm-up steps are in it, and train/warm_up says which they are."""

import argparse
import csv
import json
import sys
from datetime import datetime
from pathlib import Path

import launches
import scalars
from run_file import BadRunFile, Run

MISSING = (
    "--to tensorboard needs TensorBoard's own writer, which this Python lacks: pip install tensorboard "
    "(where the system forbids it, in an environment of its own: docs/watching_a_run.md)."
)
EVENTS = "events.out.tfevents.*"


class NoWriter(Exception):
    """One sentence that says how to get it."""


def write_csv(run, stem):
    rows = scalars.rows(run)
    names = list(dict.fromkeys([*scalars.of_steps(run), *scalars.of_evaluations(run)[1]]))
    path = stem.with_name(f"{stem.name}.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["_step", *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"_step": step} | values for step, values in rows.items())
    about = {"config": run.config, "provenance": {name: run.provenance(name) for name in run.facts()}, "marks": run.marks()}
    beside = stem.with_name(f"{stem.name}.json")
    beside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return [path, beside]


def write_tensorboard(run, stem):
    """A folder for each run; files of an earlier export go."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        raise NoWriter(MISSING) from None
    for old in stem.glob(EVENTS):
        old.unlink()
    writer = EventFileWriter(str(stem))
    time = datetime.fromisoformat(run.created()).timestamp()  # of the launch: the file has no other time of the clock
    for step, values in scalars.rows(run).items():
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        writer.add_event(Event(wall_time=time, step=step, summary=summary))
    writer.close()
    return sorted(stem.glob(EVENTS))


WRITERS = {"csv": write_csv, "tensorboard": write_tensorboard}


def export(runs, kinds, folder):
    folder.mkdir(parents=True, exist_ok=True)
    names = [launches.name_of(run.path) for run in runs]
    for run, name in zip(runs, names, strict=True):
        if names.count(name) > 1:
            raise BadRunFile(f"{run.path}: another run file is called {name} too; export them into folders of their own (--out).")
        for kind in kinds:
            print(*WRITERS[kind](run, folder / name), sep="\n")
        warm_up = int((run.over_steps("raw/warm_up") != 0).sum())
        marks = "".join(f"; {mark}" for mark in run.marks())
        print(f"{name}: {run.steps_done} steps, {warm_up} of them warm-up{marks}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run file (.h5, or .h5.partial of an unfinished one), or a folder"
    )
    parser.add_argument("--to", action="append", choices=WRITERS, help="may be repeated (default: csv)")
    parser.add_argument("--out", type=Path, help="folder for the files (default: export/ beside the first run file)")
    return parser.parse_args()


def main():
    given = arguments()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    try:
        found = launches.find(given.runs)
        for path, reason in found.passed_over:
            print(f"export.py: {path} is passed over: {reason}.", file=sys.stderr)
        first = Path(given.runs[0])
        folder = given.out or (first if first.is_dir() else first.parent) / "export"
        export([Run(path) for path in found.paths], given.to or ["csv"], folder)
    except (BadRunFile, NoWriter, OSError) as error:
        sys.exit(f"export.py: {error}")


if __name__ == "__main__":
    main()
