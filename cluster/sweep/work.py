"""submit and resume: choose the cells, write everything down, then hand them to the executor."""

import fnmatch
import hashlib
import os
from dataclasses import asdict
from pathlib import Path

from . import Mistake, launch_script, plan, program, progress, show_plan
from .cell_files import attempt_number, attempts
from .executors import BY_NAME
from .files import read_text, write_atomically
from .site import Site


def _require_data(cells, sweep):
    for cell in cells:
        path = cell.settings.get("data.path", sweep.base_values.get("data.path"))
        if path is not None and not Path(str(path)).is_dir():
            raise Mistake(f"data.path = {path} is no folder (from {os.getcwd()}); make it with `moescope data pack`")


def _facts(sweep, site, executable, results):
    """The base file is copied: editing it later changes no launch that is already planned."""
    text = read_text(sweep.base)
    results.folder.mkdir(parents=True, exist_ok=True)
    base = results.folder / f"base-{hashlib.sha256(text.encode()).hexdigest()[:8]}.toml"
    if not base.is_file():
        write_atomically(base, text)
    return {
        "experiment": str(sweep.folder),
        "size": sweep.size,
        "question": sweep.question,
        "contrasts": sweep.contrasts,
        "analysis": sweep.analysis,
        "order_seed": sweep.order_seed,
        "directory": os.getcwd(),
        "program": executable,
        "program_version": program.version(executable),
        "base": str(base),
        "cells_per_job": sweep.launch["cells_per_job"],
        "site": asdict(site),
    }


def _redo(cells, patterns, results, found):
    """Cells whose attempts so far no longer count. Their files stay."""
    chosen = [cell for cell in cells if any(fnmatch.fnmatch(cell.name, pattern) for pattern in patterns)]
    if patterns and not chosen:
        raise Mistake(f"--redo {' '.join(patterns)}: no cell has such a name")
    for cell in chosen:
        if found[cell.name].name in ("running", "queued"):
            raise Mistake(f"--redo: {cell.name} is {found[cell.name].name}; cancel it first")
        cell.redo_after = max(map(attempt_number, attempts(results.cell_folder(cell))), default=0)


def _hand_over(results, facts, cells, wanted, redo, dry_run):
    site, planned = Site(**facts["site"]), [cell for cell in cells if cell.planned]
    executor = BY_NAME[site.executor]
    found = progress.states(planned, results, executor.alive(results))
    if redo:
        _redo(planned, redo, results, found)
        found = progress.states(planned, results, executor.alive(results))
    now = [cell for cell in planned if found[cell.name].name in wanted]
    results.save(facts, cells)
    launch_script.write(now, facts, site, results)
    told = ", ".join(f"{count} {name}" for name, count in progress.counts(found).items())
    print(f"{results.folder}: {len(planned)} cells: {told}; {len(now)} to be run now")
    if now:
        executor.submit(now, planned, facts, site, results, dry_run)


def submit(sweep, site, executable, results, redo=(), dry_run=False):
    with results.locked():
        made = plan.make(sweep, site, executable)
        _require_data(made.cells, sweep)
        cells = results.update(facts := _facts(sweep, site, executable, results), made) if made.cells else []
        show_plan.show(made, sweep, site, results)
        plan.require_cells(made)
        _hand_over(results, facts, cells, ("waiting",), redo, dry_run)


def resume(results, redo=(), dry_run=False):
    with results.locked():
        facts, cells = results.load()
        if (version := program.version(facts["program"])) != facts["program_version"]:
            raise Mistake(
                f"{facts['program']} is another build than the one that was planned with "
                f"({version.splitlines()[0]}); its cells are other cells: submit plans them"
            )
        _hand_over(results, facts, cells, ("waiting", "stopped", "interrupted", "failed"), redo, dry_run)
