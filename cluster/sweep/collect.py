"""collect: one tidy table of all finished cells, and the list of those that are missing, with the reason."""

import csv
import io
import math
from dataclasses import dataclass, field

import h5py
import numpy as np

from . import agreement, cell_files, metrics, progress
from .executors import slurm_energy
from .files import write_atomically
from .run_files import BadRunFile, Run, decided_by

KEYS = ("cell", "cell_key", "computation_key")
OF_LAUNCH = {
    "repeat": lambda cell, state, run: cell.repeat,
    "ranks": lambda cell, state, run: cell.ranks,
    "threads": lambda cell, state, run: cell.threads,
    "nodes": lambda cell, state, run: len(run.names("node")),
    "attempt": lambda cell, state, run: state.attempt,
    "timing": lambda cell, state, run: "phased" if run.phased() else "free",
    "routing": lambda cell, state, run: run.routing(),
    "marks": lambda cell, state, run: "; ".join(run.marks()),
}
NUMBERS = ("value", "within_run_low", "within_run_high", "steps")
COLUMNS = (*KEYS, *OF_LAUNCH, "metric", "unit", "decided_by", *NUMBERS)  # of the table, beside what tells its cells apart


@dataclass
class Collection:
    rows: list = field(default_factory=list)  # one for each cell and metric
    missing: list = field(default_factory=list)
    disagreements: list = field(default_factory=list)
    cells: int = 0


def _varied(cells):
    return list(dict.fromkeys(key for cell in cells for key in cell.varied))


def _cell_columns(cell, varied, state, run):
    keys = dict(zip(KEYS, (cell.name, cell.cell_key, cell.computation_key), strict=True))
    own = {key: cell.varied.get(key, "") for key in varied}
    return keys | own | {name: of(cell, state, run) for name, of in OF_LAUNCH.items()}


def _metric_columns(metric):
    told = {"metric": metric.name, "unit": metric.unit, "decided_by": decided_by(metric.name)}
    return told | {name: getattr(metric, name) for name in NUMBERS}


def _missing(cell, state, results):
    where = results.cell_folder(cell)
    return {"cell": cell.name, "state": state.name, "attempt": state.attempt, "reason": state.reason, "where": str(where)}


def gather(results):
    facts, cells = results.load()
    cells = [cell for cell in cells if cell.planned]
    found, varied, groups = progress.states(cells, results), _varied(cells), {}
    energy = slurm_energy.joules({cell.name: cell_files.jobs(cell, results.cell_folder(cell)) for cell in cells})
    result = Collection()
    for cell in sorted(cells, key=lambda cell: cell.name):
        state = found[cell.name]
        if state.name != "complete":
            result.missing.append(_missing(cell, state, results))
            continue
        try:
            with Run(state.run_file) as run:
                own = _cell_columns(cell, varied, state, run)
                told = [*metrics.of(run), *metrics.of_scheduler(energy.get(cell.name))]
                result.rows += [own | _metric_columns(metric) for metric in told]
                groups.setdefault(cell.computation_key, []).append(agreement.of(cell, run))
                result.cells += 1
        except BadRunFile as error:
            result.missing.append(_missing(cell, state, results) | {"state": "unreadable", "reason": str(error)})
    for entry in facts["dropped"]:
        told = " ".join(f"{key}={value}" for key, value in entry["values"].items())
        result.missing.append({"cell": told, "state": "dropped", "attempt": 0, "reason": entry["reason"], "where": ""})
    result.disagreements = agreement.check(groups)
    return result


def _csv_value(value):
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else repr(float(value))
    return value


def _write_csv(path, rows, columns):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_value(row[name]) for name in columns] for row in rows)
    write_atomically(path, text.getvalue())


def _column(rows, name):
    values = [row[name] for row in rows]
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values):
        numbers = np.array(values)
        if numbers.dtype.kind in "iuf":  # not of more than 64 bits
            return numbers
    return np.array([str(value) for value in values], dtype=h5py.string_dtype())


def _write_hdf5(path, result, facts):
    """/table and /missing hold one dataset for each column, so that pandas.DataFrame({name: data[()]}) is the table."""
    temporary = path.with_name(f".{path.name}")
    with h5py.File(temporary, "w") as file:
        for name in ("experiment", "size", "question", "program_version"):
            file.attrs[name] = facts[name]
        for group, rows in (("table", result.rows), ("missing", result.missing)):
            folder = file.create_group(group)
            for name in rows[0] if rows else ():
                folder.create_dataset(name, data=_column(rows, name), track_times=False)
    temporary.replace(path)


def write(results, result):
    facts, _ = results.load()
    _write_csv(results.folder / "table.csv", result.rows, list(result.rows[0]) if result.rows else ["cell"])
    _write_csv(results.folder / "missing.csv", result.missing, ["cell", "state", "attempt", "reason", "where"])
    _write_hdf5(results.folder / "table.h5", result, facts)
