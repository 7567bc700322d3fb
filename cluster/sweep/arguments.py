"""The words of the command line."""

import argparse
import math
from os.path import expanduser
from pathlib import Path

ABOUT = "plan | submit | status | resume | cancel | collect | check | report, on an experiment folder."


def _seconds(word):
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{word} must be a number of seconds above 0")
    return seconds


def _fraction(word):
    try:
        fraction = float(word)
    except ValueError:
        fraction = -1
    if not 0 <= fraction <= 1:
        raise argparse.ArgumentTypeError(f"{word} must be a number from 0 to 1")
    return fraction


def _path(word):
    return Path(expanduser(word))


def _checking():
    parser = _group(
        (["--site"], {"help": "whose references (default: those of the site that the results are of)"}),
        (["--json"], {"action": "store_true", "help": "tell each comparison as an object of a JSON list"}),
        (["--seed-tolerance"], {"type": _fraction, "default": 0.0, "help": "of --write, for what the seed decides (0)"}),
        (["--machine-tolerance"], {"type": _fraction, "default": 0.2, "help": "of --write, for what the machine does (0.2)"}),
    )
    files = parser.add_mutually_exclusive_group(required=True)
    files.add_argument("--reference", type=_path, help="a file of reference values, to compare with")
    files.add_argument("--write", type=_path, help="a new file, for the measures of these results as reference values")
    return parser


def _group(*options):
    parser = argparse.ArgumentParser(add_help=False)
    for names, settings in options:
        parser.add_argument(*names, **settings)
    return parser


def parser(acts):
    """`acts`: {command: what it does}"""
    words = argparse.ArgumentParser(prog="moescope-sweep", description=ABOUT)
    commands = words.add_subparsers(dest="command", required=True)
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
    publishing = _group(
        (
            ["--publish"],
            {"type": expanduser, "metavar": "FOLDER", "help": "also copy its small tables and their provenance there"},
        ),
    )
    for name, groups, told in (
        ("plan", [common, planning], "say what would be run; write nothing"),
        ("submit", [common, planning, running], "plan, write the manifest, run what has not been run"),
        ("status", [common, listing], "cells done, running, failed; time left"),
        ("resume", [common, running], "run what is missing, failed ones included"),
        ("cancel", [common], "stop what is running or queued"),
        ("collect", [common], "one table of all finished cells; what is missing and why"),
        ("check", [common, _checking()], "compare with reference values, or write them"),
        ("report", [common, publishing], "collect, then figures and one HTML page in RESULTS/report"),
    ):
        commands.add_parser(name, parents=groups, help=told, description=told).set_defaults(act=acts[name])
    return words
