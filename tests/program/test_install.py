"""What `cmake --install` puts into a prefix runs from there."""

import os
import shlex
import subprocess

import h5py
import pytest

from program import ENVIRONMENT, EXECUTABLE

BUILD = EXECUTABLE.parents[2]


def done(*words, cwd, **environment):
    outcome = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=120
    )
    assert outcome.returncode == 0, outcome
    return outcome.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    if not (BUILD / "cmake_install.cmake").exists():
        pytest.skip(f"{BUILD} is no build folder")
    folder = tmp_path_factory.mktemp("installed") / "a prefix"
    done("cmake", "--install", BUILD, "--prefix", folder, cwd=folder.parent)
    return folder


def test_everything_is_in_its_place(prefix):
    for file in (
        "bin/moescope",
        "share/moescope/analysis/figures.py",
        "share/moescope/experiments/first_run/base.toml",
        "share/moescope/cluster/setup/mpi_environment.sh",
        "share/moescope/cluster/sites/slurm.toml",
        "share/doc/moescope/LICENSE",
        "share/doc/moescope/docs/definitions.md",
    ):
        assert (prefix / file).is_file(), file
    assert os.access(prefix / "share/moescope/analysis/figures.py", os.X_OK)
    assert not list(prefix.glob("**/__pycache__"))


def test_the_program_finds_its_libraries_and_none_of_the_build_folder(prefix):
    program = prefix / "bin/moescope"
    assert "not found" not in done("ldd", program, cwd="/", LD_LIBRARY_PATH="")
    built, installed = (
        {line.split()[0]: line for line in done("ldd", path, cwd="/").splitlines()} for path in (EXECUTABLE, program)
    )
    place = {name: line.split("=> ")[-1].split(" (")[0] for name, line in installed.items()}
    assert place == {name: line.split("=> ")[-1].split(" (")[0] for name, line in built.items()}
    assert not any(str(BUILD) in path for path in place.values())


def test_the_sweep_driver_finds_the_program_beside_it(prefix):
    driver, scaling = prefix / "bin/moescope-sweep", prefix / "share/moescope/experiments/scaling"
    planned = done(driver, "plan", scaling, "--size", "laptop", cwd="/", MOESCOPE="")
    assert "63 cells" in planned and "0 dropped" in planned


def test_a_run_from_text_to_figures(prefix, tmp_path):
    program, share = prefix / "bin/moescope", prefix / "share/moescope"
    (tmp_path / "text").mkdir()
    for i in range(8):
        (tmp_path / f"text/{i}.txt").write_text("the cat sat on the mat. " * 40 + str(i))
    done(program, "data", "pack", "--out", "data", "--domain", "prose=text", "--held-out", "0.25", cwd=tmp_path)
    settings = ["--set", "data.path=data", "--set", "layout.ep=2", "--out", "run.h5"]
    told = done("mpirun", "-n", 2, program, "run", share / "experiments/smoke/base.toml", *settings, cwd=tmp_path)
    assert f"\n  /usr/bin/python3 {shlex.quote(str(share / 'analysis/figures.py'))} run.h5\n" in told
    with h5py.File(tmp_path / "run.h5") as file:
        assert file.attrs["status"] == b"complete"
    assert "complete" in done(program, "inspect", "run.h5", cwd=tmp_path)
    done("/usr/bin/python3", share / "analysis/figures.py", "run.h5", "--out", "drawn", cwd=tmp_path, PYTHONDONTWRITEBYTECODE="1")
    drawn = {path.stem: path.stat().st_size for path in (tmp_path / "drawn").glob("*.pdf")}
    assert {"loss", "load_heatmap", "load_over_steps", "step_time", "bytes"} <= drawn.keys()  # others need several launches
    assert min(drawn.values()) > 1000
