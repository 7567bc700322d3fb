"""`inspect --csv`: every value of every dataset, as Python's own CSV reader and h5py see them."""

import csv
import itertools
import math

import h5py
import pytest

from program import GOLDEN, SMOKE, execute

OPTIONS = ["--set", "layout.ep=2", "--set", "gate.kind=switch", "--set", "record.choices=true", "--out", "run.h5"]


@pytest.fixture(scope="module")
def folder(packed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("csv")
    done = execute("run", SMOKE, "--set", f"data.path={packed}", *OPTIONS, ranks=2, cwd=folder)
    assert done.code == 0, done
    return folder


def table(folder, *arguments):
    """Header and rows; RFC 4180 ends every line in CR LF."""
    (folder / "out.csv").unlink(missing_ok=True)
    outcome = execute("inspect", *arguments, "--csv", before="exec >out.csv", cwd=folder)
    assert outcome.code == 0 and outcome.err == "", outcome
    data = (folder / "out.csv").read_bytes()
    assert data.endswith(b"\r\n") and data.count(b"\r\n") == data.count(b"\n")
    header, *rows = csv.reader(data.decode().splitlines())
    assert all(len(row) == len(header) for row in rows)
    return header, rows


def same(field, value):
    if isinstance(value, bytes):
        return field == value.decode()
    number = float(field) if isinstance(value, float) else int(field)
    return number == value or (math.isnan(number) and math.isnan(value))


def datasets(file):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def test_the_series_hold_every_number_of_every_step(folder):
    header, rows = table(folder, "run.h5")
    with h5py.File(folder / "run.h5") as file:
        of_a_step = {name for name in datasets(file) if [dim.keys() for dim in file[name].dims] == [["step"]]} | {"step"}
        assert set(header) == of_a_step and {"raw/loss/total", "raw/tokens"} <= of_a_step
        assert len(rows) == file["steps_done"][()] == 4
        for column, name in enumerate(header):
            assert all(same(row[column], value) for row, value in zip(rows, file[name][()].tolist(), strict=True)), name


def test_every_dataset_is_printed_whole_with_its_labels(folder):
    with h5py.File(folder / "run.h5") as file:
        names = datasets(file)
        assert len(names) > 80
        for name in names:
            values = file[name][()]
            dims = [dim[0].name[1:] for dim in file[name].dims if len(dim) > 0]
            header, rows = table(folder, "run.h5", "/" + name)
            assert header == [*dims, name.rsplit("/", 1)[-1]], name
            expected = itertools.product(*(file[dim][()].tolist() for dim in dims))
            flat = values.ravel().tolist()
            for row, labels, value in zip(rows, expected if dims else [()] * len(flat), flat, strict=True):
                assert all(map(same, row, [*labels, value])), (name, row, labels, value)


def test_a_name_with_commas_and_quotes_is_quoted(packed, folder, tmp_path):
    path = tmp_path / "named.h5"
    path.write_bytes((folder / "run.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["domain"][0] = b'a,"b'
    _, rows = table(tmp_path, "named.h5", "domain")
    assert rows[0] == ['a,"b'] and b'"a,""b"\r\n' in (tmp_path / "out.csv").read_bytes()


def test_rows_that_are_not_complete_are_left_out(folder, tmp_path):
    path = tmp_path / "partial.h5"
    path.write_bytes((folder / "run.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        file["steps_done"][()] = 2
        file["raw/eval/at_step"][2] = -1
        ranks, domains = file["rank"].size, file["domain"].size
    assert len(table(tmp_path, "partial.h5")[1]) == 2
    assert len(table(tmp_path, "partial.h5", "raw/step_seconds")[1]) == 2 * ranks
    assert len(table(tmp_path, "partial.h5", "raw/eval/loss")[1]) == 2 * domains


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (("run.h5", "loss", "--csv"), ("no dataset /loss", "did you mean /raw/eval/loss?")),
        (("run.h5", "raw/nothing", "--csv"), ("no dataset /raw/nothing", "definitions.md")),
        (("none.h5", "--csv"), ("none.h5: no such file",)),
        (("none.h5", "raw/tokens", "--csv"), ("none.h5: no such file",)),
    ],
)
def test_what_cannot_be_printed_is_refused(arguments, parts, folder):
    outcome = execute("inspect", *arguments, cwd=folder)
    assert outcome.code == 1 and outcome.out == "" and len(outcome.errors) == 1, outcome
    assert all(part in outcome.errors[0] for part in parts), outcome


@pytest.mark.parametrize("closed", [">/dev/full", ">&-"])
@pytest.mark.parametrize(
    "words",
    [
        ("inspect", "run.h5"),
        ("inspect", "run.h5", "--csv"),
        ("inspect", "run.h5", "raw/loss/balance", "--csv"),
        ("compare", "run.h5", "run.h5"),
        ("compare", "run.h5", "run.h5", "--json"),
        ("config", GOLDEN / "noisy_topk_mlp_train"),
        ("run", SMOKE, "--dry-run"),
        ("run", SMOKE, "--dry-run", "--json"),
        ("verify", GOLDEN / "noisy_topk_mlp_train"),
        ("--help",),
        ("--version",),
    ],
    ids=lambda words: " ".join(str(word) for word in words if not hasattr(word, "name")),
)
def test_a_result_that_could_not_be_printed_is_an_error(words, closed, folder):
    outcome = execute(*words, before=f"exec {closed}", cwd=folder)
    assert outcome.code == 1 and len(outcome.errors) == 1 and "could not be written" in outcome.errors[0], outcome
