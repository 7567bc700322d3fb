"""Starts the executable as a user would: alone or under mpirun, never longer than a timeout."""

import os
import shlex
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXECUTABLE = Path(os.environ.get("MOESCOPE", ROOT / "build/src/apps/moescope")).absolute()
SMOKE = ROOT / "experiments/smoke/base.toml"
GOLDEN = ROOT / "tests/golden/llama_moe_v1"
TIMEOUT = 60


def _environment():
    script = ROOT / "cluster/setup/mpi_environment.sh"
    text = subprocess.run(["bash", "-c", f"source '{script}' && env -0"], check=True, capture_output=True, text=True).stdout
    variables = dict(line.split("=", 1) for line in text.split("\0") if line)
    return variables | {"OMPI_MCA_mpi_yield_when_idle": "1"}  # ranks that wait leave a busy machine's cores to the others


ENVIRONMENT = _environment()


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def errors(self):
        return [line for line in (self.out + self.err).splitlines() if line.startswith("moescope: ")]


def command(*arguments, ranks=1, before=""):
    """`before`: shell commands that each process executes first."""
    program = [EXECUTABLE, *arguments]
    if before:
        program = ["bash", "-c", before + '; exec "$@"', "bash", *program]
    return [str(word) for word in ([] if ranks == 1 else ["mpirun", "-n", ranks]) + program]


def rank_by_rank(*commands):
    """One command for each rank; not in mpirun's form with colons, in which Debian 13's crashes (open-mpi/ompi issue 13303)."""
    cases = "".join(f"{rank}) exec {shlex.join(words)};; " for rank, words in enumerate(commands))
    return ["mpirun", "-n", str(len(commands)), "bash", "-c", f"case $OMPI_COMM_WORLD_RANK in {cases}esac"]


running = []  # everything that was started; conftest ends what a failed test leaves


def start(words, cwd):
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    running.append(process)
    return process


def finish(process, timeout=TIMEOUT):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return Outcome(process.returncode, out, err)


def execute(*arguments, ranks=1, before="", cwd):
    return finish(start(command(*arguments, ranks=ranks, before=before), cwd))
