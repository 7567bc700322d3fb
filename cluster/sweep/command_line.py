"""plan | submit | status | resume | cancel | collect, on an experiment folder."""

import argparse
import sys
from pathlib import Path

from . import Mistake, plan, program, show_plan, site, sweep_file
from .manifest import Results


def _results(arguments, sweep):
    return Results(arguments.results or Path("results", sweep.name, sweep.size))


def _plan(arguments):
    sweep = sweep_file.read(arguments.experiment, arguments.size)
    place = site.load(arguments.site)
    made = plan.make(sweep, place, program.find(arguments.program))
    if sweep.question:
        print(sweep.question)
    print("\n".join(show_plan.lines(made, place, 1.0, 0)))


def _parser():
    parser = argparse.ArgumentParser(prog="moescope-sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("experiment", help="a folder with base.toml and sweep.toml")
    common.add_argument("--size", help="one of the sizes that sweep.toml names")
    common.add_argument("--results", help="folder of the results (default: results/EXPERIMENT/SIZE)")
    planning = argparse.ArgumentParser(add_help=False)
    planning.add_argument("--site", default="local", help="a file of cluster/sites, or a path to one (default: local)")
    planning.add_argument("--program", help="the executable (default: $MOESCOPE, build/src/apps/moescope, PATH)")
    words = commands.add_parser("plan", parents=[common, planning], help="say what would be run; run nothing")
    words.set_defaults(act=_plan)
    return parser


def main(words=None):
    arguments = _parser().parse_args(words)
    try:
        return arguments.act(arguments) or 0
    except Mistake as mistake:
        print(f"moescope-sweep: {mistake}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
