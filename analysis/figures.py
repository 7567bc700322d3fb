#!/usr/bin/python3
"""Draws the figures of one run file as PDF and PNG, next to it in figures/."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # equal files from equal data, fonts included

import figures
import style
from run_file import BadRunFile, Run


def save(figure, folder, name):
    figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    figure.savefig(folder / f"{name}.png", metadata={"Software": None})


def draw_all(path, out, only):
    style.apply()
    with Run(path) as run:
        folder = Path(out) if out else run.path.parent / "figures"
        drawn = {name: figures.draw(name, run) for name in only or figures.names()}
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in drawn.items():
            style.caption(figure, run)
            save(figure, folder, name)
            print(folder / f"{name}.pdf")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a run file (.h5, or .h5.partial of a run that has not finished)")
    parser.add_argument("--out", help="folder for the figures (default: figures/ beside the run file)")
    parser.add_argument("--only", action="append", choices=figures.names(), help="draw just this one; may be repeated")
    arguments = parser.parse_args()
    try:
        draw_all(arguments.run, arguments.out, arguments.only)
    except (BadRunFile, OSError) as error:
        sys.exit(f"figures.py: {error}")


if __name__ == "__main__":
    main()
