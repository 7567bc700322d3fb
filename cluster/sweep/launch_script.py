"""The shell script of one cell: readable, and to be run by hand. It keeps every attempt, goes on from the newest checkpoint and
never runs a finished cell again."""

import shlex
from string import Template

from . import program
from .files import read_text, write_atomically

STOPPED = 75  # exit code of a program that a signal stopped and that left a checkpoint
BUSY = 76  # exit code of a script whose cell another process is at work on
LOCK_SECONDS = 30  # to wait for a process that is about to end

SCRIPT = Template("""\
#!/usr/bin/env bash
# One launch of the cell $name; written by moescope-sweep.
cell=$cell
cd $directory || exit 1

# One process at a time works on a cell; what it started holds the lock as well.
exec 9>"$$cell/lock"
flock -w $patience 9 || { echo "$name: another process is at work on this cell"; exit $busy; }

after=$after # attempts up to this one do not count
for ((n = 1; ; n++)); do
  attempt=$$cell/attempt_$$n
  if [ -e "$$attempt/run.h5" ] && [ "$$n" -gt "$$after" ]; then echo "$name: is done, attempt $$n"; exit 0; fi
  [ -e "$$attempt" ] && continue
  mkdir "$$attempt" || exit 1
  break
done

newest() { # the folder of the newest checkpoint; one that is being written has another name
  local folder found=""
  for folder in $checkpoints/step_$digits; do [ ! -d "$$folder" ] || found=$$folder; done
  echo "$$found"
}
from=$$(newest) resume=()
[ -z "$$from" ] || resume=(--resume "$$from")
job=$${SLURM_ARRAY_JOB_ID:+$${SLURM_ARRAY_JOB_ID}_$${SLURM_ARRAY_TASK_ID}}
printf 'began=%s\\nhost=%s\\njob=%s\\nfrom=%s\\n' "$$(date +%s.%N)" "$$(uname -n)" "$$job" "$${from##*_}" >"$$attempt/began"

# USR2 asks the program for a checkpoint and its end; mpirun and srun pass it on. A launcher that hangs is killed.
reason="" launch=0 code=1
stop() {
  reason=$$1
  [ "$$launch" -ne 0 ] && kill -USR2 "$$launch" 2>/dev/null || return
  { timeout $notice tail --pid="$$launch" -f /dev/null || kill -KILL "$$launch"; } 9>&- >/dev/null 2>&1 &
}
trap 'stop "the time limit was near"' USR1
trap 'stop "stopped from outside"' TERM INT HUP
$setup
export OMP_NUM_THREADS=$threads
build=$$($container $program --version </dev/null 2>"$$attempt/stderr.txt") # its first line; the others tell of this node
if [ "$${build%%$$'\\n'*}" != $version ]; then
  reason="the program is not the build that was planned with; submit plans anew"
elif [ -z "$$reason" ]; then # no signal came so far
  $launcher $program run $arguments "$${resume[@]}" \\
    --out "$$attempt/run.h5" --progress lines </dev/null >"$$attempt/stdout.txt" 2>"$$attempt/stderr.txt" &
  launch=$$! told=""
  if [ -n "$$job" ]; then # the job's log shows it too
    echo "$name, attempt $$n, step by step:"
    tail -n +1 -s 0.2 -f --pid="$$launch" "$$attempt/stderr.txt" 9>&- &
    told=$$!
  fi
  wait "$$launch"; code=$$?
  while kill -0 "$$launch" 2>/dev/null; do wait "$$launch"; code=$$?; done
  [ -z "$$told" ] || wait "$$told"
fi

if [ "$$code" -eq 0 ]; then
  reason=""
  rm -rf "$$cell/checkpoints" # nothing is left to go on with
elif [ "$$code" -eq $stopped ] && [ "$$(newest)" = "$$from" ]; then
  code=1 reason="$$reason; no step was done"
fi
printf 'ended=%s\\ncode=%s\\nreason=%s\\n' "$$(date +%s.%N)" "$$code" "$$reason" >"$$attempt/.ended"
mv "$$attempt/.ended" "$$attempt/ended"
exit "$$code"
""")


def _arguments(cell, facts, checkpoints):
    settings = cell.settings | {"checkpoint.path": str(checkpoints)}
    if cell.checkpoint_every:
        settings["checkpoint.every"] = cell.checkpoint_every
    return shlex.join(program.arguments(facts["base"], settings))


def checkpoint_folder(cell, folder):
    """A cell that is redone begins anew: checkpoints of the attempts before are none of its own."""
    return folder / "checkpoints" / f"since_attempt_{cell.redo_after + 1}"


def text(cell, facts, site, folder):
    """`folder`: of the cell; `facts`: of the manifest (directory, program, program_version, base)."""
    checkpoints = checkpoint_folder(cell, folder)
    return SCRIPT.substitute(
        name=cell.name,
        cell=shlex.quote(str(folder)),
        directory=shlex.quote(facts["directory"]),
        after=cell.redo_after,
        checkpoints=shlex.quote(str(checkpoints)),
        setup="\n".join(site.setup_lines()),
        threads=cell.threads,
        launcher=site.launch_words(cell.ranks, cell.threads, cell.nodes, cell.name),
        container=site.container,
        program=shlex.quote(facts["program"]),
        version=shlex.quote(facts["program_version"].splitlines()[0]),
        arguments=_arguments(cell, facts, checkpoints),
        notice=site.notice_seconds,
        stopped=STOPPED,
        busy=BUSY,
        patience=LOCK_SECONDS,
        digits=8 * "[0-9]",
    )


def write(cells, facts, site, results):
    for cell in cells:
        folder = results.cell_folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "launch.sh"
        content = text(cell, facts, site, folder)
        if not script.is_file() or read_text(script) != content:
            write_atomically(script, content)
            script.chmod(0o755)
