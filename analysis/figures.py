#!/usr/bin/python3
"""Draws the figures of one or several run files as PDF and PNG, each with its table as CSV and LaTeX.

Of one run file: every figure that it has data for. Of several: those that compare configurations; a figure of a single launch is
drawn of each file where --only names it."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # equal files from equal data, fonts included

import figures
import headline
import headline_latex
import launches
import lettering
import report
import style
from run_file import BadRunFile, NotDrawn
from study import Study

KINDS = ("pdf", "png", "csv", "tex")


def save(name, subject, marks, stem):
    """One figure and its table; files of an earlier drawing go where there is none now."""
    for kind in KINDS:
        stem.with_name(f"{stem.name}.{kind}").unlink(missing_ok=True)
    table = figures.load(name).table(subject)
    figure = figures.draw(name, table)
    style.caption(figure, table.title + style.of_baseline(figure), marks, lettering.key(table))
    table.write_csv(stem.with_name(f"{stem.name}.csv"))
    table.write_latex(stem.with_name(f"{stem.name}.tex"), marks)
    figure.savefig(stem.with_name(f"{stem.name}.pdf"), metadata={"CreationDate": None})
    figure.savefig(stem.with_name(f"{stem.name}.png"), metadata={"Software": None})
    return table


def subjects(study, name, named):
    """(what the figure is drawn of, its marks, its file's name)"""
    kind = figures.load(name).OF
    if kind in ("launch", "explanation"):
        runs = study.explaining if kind == "explanation" and study.explaining else study.runs
        if len(runs) == 1:
            return [(runs[0], study.marks(), name)]
        return [(run, run.marks(), f"{name}.{launches.name_of(run.path)}") for run in runs] if named else []
    if kind == "comparison" and len(study.arms) == 1 and not named:
        return []
    return [(study, study.marks(), name)]


def draw_all(study, folder, only):
    """(figure, file's name, Table) of each that was drawn, and (file's name, reason) of each that was not."""
    folder.mkdir(parents=True, exist_ok=True)
    style.name_arms([arm.label for arm in study.arms], study.gates(), study.named_baseline())
    drawn, left_out = [], []
    for name in only or figures.names():
        for subject, marks, stem in subjects(study, name, bool(only)):
            try:
                drawn.append((name, stem, save(name, subject, marks, folder / stem)))
                print(folder / f"{stem}.pdf")
            except NotDrawn as reason:
                print(f"{folder / stem} is not drawn: {reason}")
                left_out.append((stem, reason))
    return drawn, left_out


def write_headline(study, folder):
    """The table that a report begins with, as CSV and LaTeX; None where no number of it is known."""
    try:
        table = headline.table(study)
    except NotDrawn as reason:
        print(f"{folder / 'headline'} is not written: {reason}")
        return None
    table.write_csv(folder / "headline.csv")
    headline_latex.write(folder / "headline.tex", table)
    print(folder / "headline.tex")
    return table


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run file (.h5, or .h5.partial of an unfinished one), or a folder"
    )
    parser.add_argument("--out", type=Path, help="folder for the figures (default: figures/ beside the first run file)")
    parser.add_argument("--only", action="append", choices=figures.names(), help="draw just this one; may be repeated")
    parser.add_argument("--paper", choices=style.PAPERS, default="ieee", help="whose column widths (default: ieee)")
    parser.add_argument("--by", action="append", metavar="KEY", help="configuration key that names an arm; may be repeated")
    parser.add_argument("--sweep", type=Path, help="TOML file with [analysis] and [[contrast]]")
    parser.add_argument("--report", action="store_true", help="also write one HTML page with all of it, report.html")
    return parser.parse_args()


def main():
    given = arguments()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a label may have what the locale has not
    style.apply(given.paper)
    try:
        found = launches.find(given.runs)
        for path, reason in found.passed_over:
            print(f"figures.py: {path} is passed over: {reason}.", file=sys.stderr)
        study = Study(found, given.by, given.sweep)
        first = Path(given.runs[0])
        beside = first if first.is_dir() else first.parent
        folder = given.out or beside / "figures"
        drawn, left_out = draw_all(study, folder, given.only)
        table = write_headline(study, folder) if given.report or not given.only else None
        if given.report:
            report.write(folder / "report.html", study, table, drawn, left_out, beside)
            print(folder / "report.html")
    except (BadRunFile, OSError) as error:
        sys.exit(f"figures.py: {error}")
    sys.exit(0 if drawn else "figures.py: no figure was drawn.")


if __name__ == "__main__":
    main()
