"""The ReFrame test of cluster/reframe on ReFrame's own generic system: it passes, and fails where a reference does not hold."""

import os
import shutil
import subprocess

import pytest

from experiment import ROOT
from text_sweep import PROGRAM

REFRAME = os.environ.get("REFRAME") or shutil.which("reframe")
CHECK = ROOT / "cluster/reframe/moescope_check.py"
REFERENCE = (ROOT / "cluster/reframe/reference.toml").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.skipif(not REFRAME, reason="ReFrame is not installed (pip install ReFrame-HPC; REFRAME=... names its command)"),
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two ranks need two cores"),
]


def reframe(folder, *words, reference=REFERENCE, program=PROGRAM):
    """(exit code, all that it said); its logs and reports go to the folder."""
    (folder / "reference.toml").write_text(reference)
    settings = [f"-S=MoescopeLaunch.reference_file={folder}/reference.toml", f"-S=MoescopeLaunch.program={program}"]
    command = [REFRAME, "-c", CHECK, "--system=generic", f"--prefix={folder}", *settings, *words]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"HOME": str(folder)}, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_launch_holds_what_the_file_of_references_says(tmp_path):
    code, told = reframe(tmp_path, "-r", "--performance-report")
    assert code == 0 and "Ran 1/1 test case(s)" in told and "0 failure(s)" in told, told
    for measure in (
        "held_out_loss",
        "imbalance_expert",
        "dropped_fraction",
        "payload_bytes",
        "step_seconds",
        "tokens_per_second",
    ):
        assert f"P: {measure}: " in told, told


def test_a_value_out_of_its_range_fails_and_is_told(tmp_path):
    code, told = reframe(tmp_path, "-r", reference=REFERENCE.replace("value = 1459155.2", "value = 1459000.0"))
    assert code != 0 and "failed to meet reference(s): payload_bytes=1459155.2 B" in told, told


def test_what_cannot_be_compared_fails(tmp_path):
    code, told = reframe(tmp_path, "-r", reference=REFERENCE + '[[reference]]\nmeasure = "mfu_stated_executed"\nvalue = 1\n')
    assert code != 0 and "mfu_stated_executed missing: no number was measured" in told, told


def test_a_program_that_fails_is_told(tmp_path):
    code, told = reframe(tmp_path, "-r", program="/bin/false")
    assert code != 0 and "run.h5: no such file" in told, told


def test_without_a_reference_for_the_system_it_fails(tmp_path):
    code, told = reframe(tmp_path, "-r", reference='[[reference]]\nsite = "far"\nmeasure = "step_seconds"\nvalue = 1\n')
    assert code != 0 and "no reference for the site generic" in told, told
