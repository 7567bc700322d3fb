"""The batch scripts of a sweep: one array for each resource shape, a line of a list for each task."""

import hashlib
import shlex
from string import Template

from ..files import write_atomically
from ..launch_script import BUSY, STOPPED

SCRIPT = Template("""\
#!/usr/bin/env bash
$options
# Task i of this array launches the cells in line i + 1 of $list, one after another. Written by moescope-sweep.
# USR1 (the time limit is near): the launch stops with a checkpoint and the task is queued again, to go on. TERM: it stops.
child=0 stopping="" failed=0 left=0
forward() { stopping=$$1; [ "$$child" -eq 0 ] || kill -"$$1" "$$child" 2>/dev/null; }
trap 'forward USR1' USR1
trap 'forward TERM' TERM
ended=$ended.$$SLURM_ARRAY_TASK_ID # cells that this task is done with, should it be queued again
read -r -a names <<<"$$(sed -n "$$((SLURM_ARRAY_TASK_ID + 1))p" $list)"
for name in "$${names[@]}"; do
  grep -qxF "$$name" "$$ended" 2>/dev/null && continue
  [ -z "$$stopping" ] || { left=1; continue; }
  bash $cells/"$$name"/launch.sh &
  child=$$!
  wait "$$child"; code=$$?
  while kill -0 "$$child" 2>/dev/null; do wait "$$child"; code=$$?; done
  case "$$code" in
    $stopped | $busy) left=1 ;;
    0) echo "$$name" >>"$$ended" ;;
    *) echo "$$name" >>"$$ended"; failed=1 ;;
  esac
done
if [ "$$stopping" = USR1 ] && [ "$$left" -eq 1 ]; then
  scontrol requeue "$${SLURM_ARRAY_JOB_ID}_$$SLURM_ARRAY_TASK_ID" && exit 0
fi
exit "$$((failed | left))" # what is left waits for `resume`
""")


def job_name(results, number):
    return f"moescope-{hashlib.sha256(str(results.folder).encode()).hexdigest()[:8]}-{number:03d}"


def arrays(cells, cells_per_job, max_array_size):
    """[[[cell]]]: arrays of tasks of cells. One shape in an array, at most `cells_per_job` cells in a task; order is kept."""
    shapes = {}
    for cell in cells:
        shapes.setdefault(cell.shape, []).append(cell)
    result = []
    for group in shapes.values():
        tasks = [group[i : i + cells_per_job] for i in range(0, len(group), cells_per_job)]
        result += [tasks[i : i + max_array_size] for i in range(0, len(tasks), max_array_size)]
    return result


def _options(tasks, site, results, number):
    one, longest = tasks[0][0], max(map(len, tasks))
    yield f"--job-name={job_name(results, number)}"
    yield f"--array=0-{len(tasks) - 1}%{site.at_once}"
    yield f"--nodes={one.nodes}"
    yield f"--ntasks={one.ranks}"
    yield f"--cpus-per-task={one.threads}"
    yield f"--time={one.minutes * longest}"
    yield f"--output={shlex.quote(str(results.folder / 'jobs' / f'array_{number:03d}_%a.log'))}"
    yield "--open-mode=append"
    yield "--requeue"
    yield f"--signal=B:USR1@{site.notice_seconds}"
    for name in ("partition", "account", "qos"):
        if getattr(site, name):
            yield f"--{name}={getattr(site, name)}"
    if site.gpus_per_node:
        yield f"--gpus-per-node={min(site.gpus_per_node, one.ranks)}"
    yield from site.sbatch


def write(tasks, site, results, number):
    """The path of the script of array `number`."""
    folder = results.folder / "jobs"
    folder.mkdir(exist_ok=True)
    script, listed = folder / f"array_{number:03d}.sh", folder / f"array_{number:03d}.txt"
    options = "\n".join(f"#SBATCH {option}" for option in _options(tasks, site, results, number))
    write_atomically(listed, "".join(" ".join(cell.name for cell in task) + "\n" for task in tasks))
    paths = {"list": listed, "cells": results.folder / "cells", "ended": folder / f"array_{number:03d}.ended"}
    quoted = {name: shlex.quote(str(path)) for name, path in paths.items()}
    write_atomically(script, SCRIPT.substitute(options=options, stopped=STOPPED, busy=BUSY, **quoted))
    return script
