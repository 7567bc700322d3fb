"""The energy that a run's hosts counted, in a tree like Linux' powercap; without one the file says why there is none."""

import csv
import json
import os
import socket
import threading

import h5py
import numpy as np
import pytest

from program import SMOKE, execute
from test_dry_run import dry_run
from test_mistakes import overrides

RANGE = 1_000_000_000  # microjoules


def write_zone(tree, zone, name, microjoules=0):
    folder = tree / zone
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (folder / "energy_uj").write_text(f"{microjoules:010}\n")
    return folder / "energy_uj"


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "powercap"
    for number in (0, 1):
        write_zone(folder, f"intel-rapl:{number}", f"package-{number}", 5)
        write_zone(folder, f"intel-rapl:{number}:0", "core", 3)
    write_zone(folder, "intel-rapl:1:1", "dram", 7)
    return folder


class Meter:
    """Counts a joule up whenever it can, in each file, and begins again at 0 as the kernel does."""

    def __init__(self, *files):
        self.files = [os.open(path, os.O_WRONLY) for path in files]
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.count)

    def count(self):
        microjoules = RANGE - 50_000_000
        while not self.stopped.wait(0.0005):
            microjoules = (microjoules + 1_000_000) % RANGE
            for file in self.files:
                os.pwrite(file, f"{microjoules:010}".encode(), 0)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        for file in self.files:
            os.close(file)


def run(packed, folder, tree, ranks=1, settings=""):
    settings = overrides(f"data.path={packed} train.steps=12 eval.every=0 train.timing=free {settings}")
    before = f"export MOESCOPE_POWERCAP={tree} OMP_NUM_THREADS=1"
    outcome = execute("run", SMOKE, *settings, "--out", "run.h5", ranks=ranks, before=before, cwd=folder)
    assert outcome.code == 0, outcome
    return h5py.File(folder / "run.h5")


def test_each_steps_joules_are_those_of_the_packages_and_their_memory(packed, tmp_path, tree):
    with Meter(*(tree / zone / "energy_uj" for zone in ("intel-rapl:0", "intel-rapl:1:1"))):
        file = run(packed, tmp_path, tree)
    with file:
        host = file["node"][0].decode()
        names = [name.decode() for name in file["energy_sensor"]]
        assert names == [f"{host}:package-0", f"{host}:package-1", f"{host}:package-1:dram"]
        joules = file["raw/energy_joules"][()]
        assert (joules >= 0).all() and (joules == np.round(joules)).all() and joules[:, 0].sum() > 0
        assert (joules[:, 1] == 0).all() and (joules < RANGE / 1e6 / 2).all()
        np.testing.assert_array_equal(file["derived/joules"][()], joules.sum(axis=1))
        np.testing.assert_array_equal(file["derived/joules_per_token"][()], joules.sum(axis=1) / file["raw/tokens"][()])
        assert file["provenance"].attrs["env.MOESCOPE_POWERCAP"].decode() == str(tree)
        assert "absent" not in file["raw/energy_joules"].attrs
    text = execute("inspect", "run.h5", cwd=tmp_path).out
    assert text.count("\nenergy ") == 1 and "all that 3 sensor(s) counted" in text
    header = next(csv.reader(execute("inspect", "run.h5", "--csv", cwd=tmp_path).out.splitlines()))
    assert {"derived/joules", "derived/joules_per_token"} <= set(header)


def test_a_host_is_counted_once_whatever_the_number_of_its_ranks(packed, tmp_path, tree):
    with run(packed, tmp_path, tree, ranks=2, settings="layout.tp=2") as file:
        assert len(file["energy_sensor"]) == 3 and (file["raw/energy_joules"][()] == 0).all()


def test_a_machine_that_shows_no_counter_says_why(packed, tmp_path, tree):
    broken = tree / "intel-rapl:1/energy_uj"
    broken.write_text("")
    for root, reason in ((tmp_path / "none", f"there is no {tmp_path / 'none'}"), (tree, f"{broken}: holds no number")):
        with run(packed, tmp_path, root) as file:
            host = file["node"][0].decode()
            absent = file["raw/energy_joules"].attrs["absent"].decode()
            assert absent == f"RAPL on 1 of the hosts, {host} first: {reason}"
            assert len(file["energy_sensor"]) == 0 and np.isnan(file["derived/joules"][()]).all()
        assert "energy" not in execute("inspect", "run.h5", cwd=tmp_path).out
        (tmp_path / "run.h5").unlink()


def test_a_dry_run_counts_the_sensors_of_this_machine_into_the_size_of_the_file(tmp_path, tree):
    sizes = []
    for root in (tmp_path / "none", tree):
        words = ["--json", "--set", "layout.ranks=1", "--set", "train.steps=100000"]
        text = dry_run(*words, cwd=tmp_path, before=f"export MOESCOPE_POWERCAP={root}")
        sizes.append(json.loads(text)["run_file"]["bytes"])
    assert sizes[1] - sizes[0] == 3 * (8 * 100_000 + len(f"{socket.gethostname()}:package-1:dram"))
