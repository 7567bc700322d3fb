"""What each command does."""

import shutil
import subprocess
import sys
from pathlib import Path

from . import (
    Mistake,
    arguments,
    check,
    collect,
    plan,
    program,
    show_check,
    show_plan,
    site,
    status,
    sweep_file,
    watch,
    work,
    write_references,
)
from .executors import BY_NAME
from .manifest import Results
from .run_files import BadRunFile
from .strangers import strangers


def _results(given):
    name = Path(given.experiment).resolve().name
    return Results(given.results or Path("results", name, given.size or ""))


def _submitted(given):
    """Results, with a word about what lies there and is none of them."""
    results = _results(given)
    for path in strangers(results):
        print(f"moescope-sweep: passed over, as it is nothing of this sweep: {path}", file=sys.stderr)
    return results


def _chosen(given):
    sweep = sweep_file.read(given.experiment, given.size)
    return sweep, site.load(given.site), program.find(given.program)


def _plan(given):
    sweep, place, executable = _chosen(given)
    made = plan.make(sweep, place, executable)
    if sweep.question:
        print(sweep.question)
    show_plan.show(made, sweep, place, _results(given))
    plan.require_cells(made)


def _submit(given):
    work.submit(*_chosen(given), _results(given), given.redo, given.dry_run)


def _status(given):
    results = _submitted(given)
    if given.watch:
        return watch.follow(results, given.all, given.watch)
    print("\n".join(status.lines(status.view(results), given.all)))
    return 0


def _resume(given):
    work.resume(_submitted(given), given.redo, given.dry_run)


def _cancel(given):
    results = _results(given)
    facts, _ = results.load()
    print(BY_NAME[facts["site"]["executor"]].cancel(results))


def _collect(given):
    results = _submitted(given)
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


def _check(given):
    """Of the results of an experiment, or of the run file that is named in its place."""
    path = Path(given.experiment)
    is_file = path.is_file() or path.suffix == ".h5"
    try:
        study, place = check.study_of_file(path) if is_file else check.study_of_results(_submitted(given))
        place = given.site or place
        if given.write:
            source = path if is_file else _results(given).folder
            tolerances = given.seed_tolerance, given.machine_tolerance
            print("\n".join(write_references.write(given.write, source, study, place, *tolerances)))
            return 0
        found, others = check.outcomes(given.reference, study, place)
    except BadRunFile as error:
        raise Mistake(error) from None
    print(show_check.as_json(found) if given.json else "\n".join(show_check.lines(found, others, place)))
    return 0 if all(one.result == "ok" for one in found) else 1


def _report(given):
    """The figure kit's page of these results, beside the table."""
    report = _results(given).folder / "report"
    kit = [sys.executable, "-X", "utf8", str(program.ROOT / "analysis/figures.py")]
    words = [str(report.parent), "--report", "--out", str(report)]
    failed = _collect(given) or subprocess.run(kit + words).returncode
    if given.publish and not failed:
        _publish(report, Path(given.publish))
    return failed


def _publish(report, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if folder.samefile(report):
        raise Mistake(f"--publish {folder} is the report's own folder; name another one")
    for name in PUBLISHED:
        (folder / name).unlink(missing_ok=True)  # of an earlier report
        if (report / name).is_file():  # without a [[contrast]] there is no table of them
            print(shutil.copyfile(report / name, folder / name))


PUBLISHED = ("answer.csv", "contrasts.csv", "headline.csv", "provenance.csv")
ACTS = {
    "plan": _plan,
    "submit": _submit,
    "status": _status,
    "resume": _resume,
    "cancel": _cancel,
    "collect": _collect,
    "check": _check,
    "report": _report,
}


def main(words=None):
    chosen = arguments.parser(ACTS).parse_args(words)
    try:
        return chosen.act(chosen) or 0
    except Mistake as mistake:
        print(f"moescope-sweep: {' '.join(str(mistake).splitlines())}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"moescope-sweep: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("moescope-sweep: stopped; `resume` goes on", file=sys.stderr)
        return 130
