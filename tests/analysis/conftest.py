import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "analysis"))

import pytest

import style
from synthetic_run import write_arm, write_run


@pytest.fixture
def run_path(tmp_path):
    return write_run(tmp_path / "run.h5")


@pytest.fixture(autouse=True)
def one_look():
    style.apply()
    style.name_arms([])


@pytest.fixture(scope="session")
def gates(tmp_path_factory):
    """Free launches of three gates, six each."""
    folder = tmp_path_factory.mktemp("gates")
    speeds = {"noisy_top_k": 1.0, "switch": 1.3, "random": 1.01}
    return [
        path for kind, speed in speeds.items() for path in write_arm(folder, kind, 6, {"gate.kind": kind}, speed, timing="free")
    ]


@pytest.fixture(scope="session")
def sizes(tmp_path_factory):
    """Free launches on 1, 2 and 4 ranks, six each: with the same work, and with the same work per rank."""
    folder = tmp_path_factory.mktemp("sizes")
    paths = []
    for ranks in (1, 2, 4):
        for sequences in {8, 8 * ranks}:
            config = {"layout.ranks": ranks, "layout.dp": ranks, "batch.sequences": sequences}
            paths += write_arm(folder, f"{ranks}.{sequences}", 6, config, ranks * 8 / sequences, timing="free")
    return paths
