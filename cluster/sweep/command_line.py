"""plan | submit | status | resume | cancel | collect | report, on an experiment folder."""

import argparse
import math
import subprocess
import sys
from os.path import expanduser
from pathlib import Path

from . import Mistake, collect, plan, program, show_plan, site, status, sweep_file, watch, work
from .executors import BY_NAME
from .manifest import Results
from .strangers import strangers


def _results(arguments):
    name = Path(arguments.experiment).resolve().name
    return Results(arguments.results or Path("results", name, arguments.size or ""))


def _submitted(arguments):
    """Results, with a word about what lies there and is none of them."""
    results = _results(arguments)
    for path in strangers(results):
        print(f"moescope-sweep: passed over, as it is nothing of this sweep: {path}", file=sys.stderr)
    return results


def _chosen(arguments):
    sweep = sweep_file.read(arguments.experiment, arguments.size)
    return sweep, site.load(arguments.site), program.find(arguments.program)


def _plan(arguments):
    sweep, place, executable = _chosen(arguments)
    made = plan.make(sweep, place, executable)
    if sweep.question:
        print(sweep.question)
    show_plan.show(made, sweep, place, _results(arguments))
    plan.require_cells(made)


def _submit(arguments):
    work.submit(*_chosen(arguments), _results(arguments), arguments.redo, arguments.dry_run)


def _status(arguments):
    results = _submitted(arguments)
    if arguments.watch:
        return watch.follow(results, arguments.all, arguments.watch)
    print("\n".join(status.lines(status.view(results), arguments.all)))
    return 0


def _resume(arguments):
    work.resume(_submitted(arguments), arguments.redo, arguments.dry_run)


def _cancel(arguments):
    results = _results(arguments)
    facts, _ = results.load()
    print(BY_NAME[facts["site"]["executor"]].cancel(results))


def _collect(arguments):
    results = _submitted(arguments)
    result = collect.gather(results)
    collect.write(results, result)
    print(f"{results.folder / 'table.csv'} and table.h5: {len(result.rows)} rows of {result.cells} cells")
    for entry in result.missing:
        print(f"  missing, {entry['state']}: {entry['cell']}{': ' if entry['reason'] else ''}{entry['reason']}")
    for sentence in result.disagreements:
        print(f"moescope-sweep: cells of one computation disagree: {sentence}", file=sys.stderr)
    if not result.cells:
        raise Mistake(f"no cell is complete, so the table is empty; {results.folder / 'missing.csv'} says why")
    return 1 if result.disagreements else 0


def _report(arguments):
    """The figure kit's page of these results, beside the table."""
    results = _results(arguments)
    kit = [sys.executable, "-X", "utf8", str(program.ROOT / "analysis/figures.py")]
    words = [str(results.folder), "--report", "--out", str(results.folder / "report")]
    return _collect(arguments) or subprocess.run(kit + words).returncode


def _seconds(word):
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{word} must be a number of seconds above 0")
    return seconds


def _group(*options):
    parser = argparse.ArgumentParser(add_help=False)
    for names, settings in options:
        parser.add_argument(*names, **settings)
    return parser


def _parser():
    parser = argparse.ArgumentParser(prog="moescope-sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    common = _group(
        (["experiment"], {"type": expanduser, "help": "a folder with base.toml and sweep.toml"}),
        (["--size"], {"help": "one of the sizes that sweep.toml names"}),
        (["--results"], {"type": expanduser, "help": "folder of the results (default: results/EXPERIMENT/SIZE)"}),
    )
    planning = _group(
        (
            ["--site"],
            {"type": expanduser, "default": "local", "help": "a file of cluster/sites, or a path to one (default: local)"},
        ),
        (["--program"], {"type": expanduser, "help": "the executable (default: $MOESCOPE, build/src/apps/moescope, PATH)"}),
    )
    running = _group(
        (
            ["--redo"],
            {"action": "append", "default": [], "help": "run cells of this name again, * is any text; attempts are kept"},
        ),
        (["--dry-run"], {"action": "store_true", "help": "write every script, start nothing"}),
    )
    watching = {"nargs": "?", "const": 5.0, "type": _seconds, "metavar": "SECONDS"}
    listing = _group(
        (["--all"], {"action": "store_true", "help": "list every failed cell"}),
        (["--watch"], watching | {"help": "again every so many seconds (5), until nothing waits or runs"}),
    )
    for name, act, groups, told in (
        ("plan", _plan, [common, planning], "say what would be run; write nothing"),
        ("submit", _submit, [common, planning, running], "plan, write the manifest, run what has not been run"),
        ("status", _status, [common, listing], "cells done, running, failed; time left"),
        ("resume", _resume, [common, running], "run what is missing, failed ones included"),
        ("cancel", _cancel, [common], "stop what is running or queued"),
        ("collect", _collect, [common], "one table of all finished cells; what is missing and why"),
        ("report", _report, [common], "collect, then figures and one HTML page in RESULTS/report"),
    ):
        commands.add_parser(name, parents=groups, help=told, description=told).set_defaults(act=act)
    return parser


def main(words=None):
    arguments = _parser().parse_args(words)
    try:
        return arguments.act(arguments) or 0
    except Mistake as mistake:
        print(f"moescope-sweep: {' '.join(str(mistake).splitlines())}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"moescope-sweep: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("moescope-sweep: stopped; `resume` goes on", file=sys.stderr)
        return 130
