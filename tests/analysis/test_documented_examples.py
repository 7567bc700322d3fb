"""The lines that docs/figures_and_statistics.md shows run as they stand on a run file."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from measures import measure
from run_file import BadRunFile
from synthetic_run import EXPERTS, ROUTERS, WARM_UP, write_run
from test_figures import run_cli

GUIDE = (Path(__file__).parents[2] / "docs" / "figures_and_statistics.md").read_text(encoding="utf-8")
DEFINITIONS = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text(encoding="utf-8")
H5PY, XARRAY = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def first_run(tmp_path):
    """Where quickstart.sh leaves its run files."""
    folder = tmp_path / "results/first_run"
    folder.mkdir(parents=True)
    return folder


def printed(lines, folder):
    result = subprocess.run([sys.executable, "-c", lines], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def attach_scales(path, name, *scales):
    """As the program does, so that xarray finds the dimensions."""
    with h5py.File(path, "r+") as file:
        for number, scale in enumerate(scales):
            file[name].dims[number].attach_scale(file[scale])


def test_the_lines_with_h5py_print_the_slowest_ranks_mean(first_run, tmp_path):
    path = write_run(first_run / "run.h5")
    with h5py.File(path, "r+") as file:
        file["raw/step_seconds"].attrs["units"] = "s"
        expected = file["raw/step_seconds"][()].max(axis=1).mean()
    assert printed(H5PY, tmp_path) == f"complete {expected} s\n"


def test_the_lines_with_xarray_and_pandas_print_the_mean_load(first_run, tmp_path):
    for package in ("pandas", "xarray", "h5netcdf"):
        pytest.importorskip(package)
    whole, path = write_run(first_run / "whole.h5"), first_run / "run.h5"
    assert run_cli(whole, "--only", "load_heatmap").returncode == 0
    with h5py.File(whole) as file, h5py.File(path, "w") as part:  # without what the small file has no dimensions of
        for name in ("step", "router", "expert", "raw/expert_tokens_routed", "raw/warm_up"):
            part[name] = file[name][()]
        for scale in ("step", "router", "expert"):
            part[scale].make_scale(scale)
        load = file["raw/expert_tokens_routed"][WARM_UP:].mean(axis=0)
    attach_scales(path, "raw/expert_tokens_routed", "step", "router", "expert")
    attach_scales(path, "raw/warm_up", "step")
    text = printed(
        "import pandas\npandas.options.display.width = 500\npandas.options.display.max_columns = 99\n" + XARRAY, tmp_path
    )
    rows = [line.split() for line in text.splitlines() if re.match(r"\d+ ", line)]
    drawn = np.array([row[1:] for row in rows if len(row) == EXPERTS + 1], float)
    assert drawn.shape == (ROUTERS, EXPERTS)
    np.testing.assert_allclose(drawn, load, rtol=1e-5)


def test_every_measure_that_is_documented_exists():
    with pytest.raises(BadRunFile) as error:
        measure("nothing")
    told = DEFINITIONS.split("## Measures of a comparison")[1].split("##")[0]
    for name in str(error.value).split("Known are ")[1].rstrip(".").split(", "):
        family = re.sub(r"_(stated|measured)_.*|_(expert|rank|node)$", "", name)
        family = re.sub(r"/[a-z_]+$", "/AXIS", family)
        assert re.search(rf"`{family}(_\{{|`)", told), name
