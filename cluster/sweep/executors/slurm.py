"""Hands cells to a SLURM queue as job arrays. Needs sbatch, squeue, scancel and scontrol; where sacct answers,
energy as well (slurm_energy.py).

A job is known by its name, which is unique to the results and the array. A driver that dies between sbatch and its own notes
finds the job again by that name."""

import os
import re
import subprocess

from .. import Mistake
from ..files import CODED, read_text
from . import slurm_scripts

OF_THE_USER = re.compile(
    r"(SQUEUE|SBATCH|SCANCEL|SCONTROL|SACCT)_"
)  # options in the environment: filters, and answers to the script


def _environment():
    return {name: value for name, value in os.environ.items() if not OF_THE_USER.match(name)}


def call(*words):
    try:
        return subprocess.run(words, capture_output=True, timeout=60, env=_environment(), **CODED)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))


def _numbers(results):
    found = (re.fullmatch(r"array_(\d+)\.txt", path.name) for path in (results.folder / "jobs").glob("array_*.txt"))
    return sorted(int(name[1]) for name in found if name)


def _queue(results):
    """[(array number, task, job of the task, SLURM's word)] of what is queued or running; None where squeue does not answer."""
    known = {slurm_scripts.job_name(results, number): number for number in _numbers(results)}
    if not known:
        return []
    answer = call("squeue", "--noheader", "--array", "--user", str(os.getuid()), "--format=%K|%F|%T|%j")
    if answer.returncode:
        return None
    rows = [line.strip().split("|", 3) for line in answer.stdout.splitlines()]
    ours = [row for row in rows if row[-1] in known and row[0].isdigit()]
    return [(known[name], int(task), f"{job}_{task}", word) for task, job, word, name in ours]


def alive(results):
    """{cell name: ("queued" or "running", job)}; None where the scheduler does not answer."""
    queue = _queue(results)
    if queue is None:
        return None
    found = {}
    for number, task, job, word in queue:
        lines = read_text(results.folder / "jobs" / f"array_{number:03d}.txt").splitlines()
        names = lines[task].split() if task < len(lines) else []
        found |= dict.fromkeys(names, ("queued" if word in ("PENDING", "CONFIGURING", "REQUEUED") else "running", job))
    return found


def submit(cells, everything, facts, site, results, dry_run=False):
    if not dry_run and _queue(results) is None:
        raise Mistake("squeue does not answer, so it is not known what is queued already; nothing is submitted")
    number = max(_numbers(results), default=0)
    for tasks in slurm_scripts.arrays(cells, facts["cells_per_job"], site.max_array_size):
        number += 1
        script = slurm_scripts.write(tasks, site, results, number)
        if dry_run:
            print(f"sbatch {script}")
            continue
        answer = call("sbatch", "--parsable", str(script))
        if answer.returncode:
            raise Mistake(f"sbatch {script} failed: {answer.stderr.strip()}")
        told = f"{len(tasks)} tasks, {sum(map(len, tasks))} cells"
        print(f"job {answer.stdout.strip().split(';')[0]}: {told} ({script})", flush=True)


def _scancel(*words):
    answer = call("scancel", *words)
    if answer.returncode:
        raise Mistake(f"scancel {' '.join(words)} failed: {answer.stderr.strip()}")


def cancel(results):
    """What waits leaves the queue; what runs is asked to stop with a checkpoint."""
    queue = _queue(results)
    if queue is None:
        raise Mistake("squeue does not answer; nothing is cancelled")
    jobs = sorted({job.split("_")[0] for _, _, job, _ in queue})
    if not jobs:
        return "nothing is queued or running"
    _scancel("--state=PENDING", *jobs)
    running = [job for _, _, job, word in _queue(results) or [] if word == "RUNNING"]
    if running:
        _scancel("--batch", "--signal=TERM", *running)
    asked = f"; {len(running)} running tasks stop with a checkpoint (at once: scancel {' '.join(jobs)})" if running else ""
    return f"cancelled {len(jobs)} jobs: {' '.join(jobs)}{asked}"
