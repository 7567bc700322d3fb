"""The shell script of one cell: readable, and to be run by hand. It keeps every attempt and never runs a finished cell again."""

import shlex
from string import Template

from . import program

SCRIPT = Template("""\
#!/usr/bin/env bash
# One launch of the cell $name; written by moescope-sweep.
cell=$cell
cd $directory || exit 1

# One process at a time works on a cell; what it started holds the lock as well.
exec 9>"$$cell/lock"
flock -w 30 9 || { echo "$name: another process is at work on this cell"; exit 0; }

after=$after # attempts up to this one do not count
for ((n = 1; ; n++)); do
  attempt=$$cell/attempt_$$n
  if [ -e "$$attempt/run.h5" ] && [ "$$n" -gt "$$after" ]; then echo "$name: is done, attempt $$n"; exit 0; fi
  [ -d "$$attempt" ] && continue
  mkdir "$$attempt" || exit 1
  break
done
job=$${SLURM_ARRAY_JOB_ID:+$${SLURM_ARRAY_JOB_ID}_$${SLURM_ARRAY_TASK_ID}}
printf 'began=%s\\nhost=%s\\njob=%s\\n' "$$(date +%s)" "$$(uname -n)" "$$job" >"$$attempt/began"

reason="" launch=0
stop() { reason=$$1; [ "$$launch" -eq 0 ] || kill -TERM "$$launch" 2>/dev/null; }
trap 'stop "the time limit was near"' USR1
trap 'stop "stopped from outside"' TERM INT HUP
$setup
export OMP_NUM_THREADS=$threads
$launcher $program run $arguments \\
  --out "$$attempt/run.h5" --progress never </dev/null >"$$attempt/stdout.txt" 2>"$$attempt/stderr.txt" &
launch=$$!
[ -z "$$reason" ] || stop "$$reason" # a signal that came before the launch
wait "$$launch"; code=$$?
while kill -0 "$$launch" 2>/dev/null; do wait "$$launch"; code=$$?; done

[ "$$code" -eq 0 ] && reason=""
printf 'ended=%s\\ncode=%s\\nreason=%s\\n' "$$(date +%s)" "$$code" "$$reason" >"$$attempt/.ended"
mv "$$attempt/.ended" "$$attempt/ended"
exit "$$code"
""")


def text(cell, facts, site, folder):
    """`folder`: of the cell; `facts`: of the manifest (directory, program, base)."""
    return SCRIPT.substitute(
        name=cell.name,
        cell=shlex.quote(str(folder)),
        directory=shlex.quote(facts["directory"]),
        after=cell.redo_after,
        setup="\n".join(site.setup_lines()),
        threads=cell.threads,
        launcher=site.launch_words(cell.ranks, cell.threads, cell.nodes),
        program=shlex.quote(facts["program"]),
        arguments=shlex.join(program.arguments(facts["base"], cell.settings)),
    )


def write(cells, facts, site, results):
    for cell in cells:
        folder = results.cell_folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "launch.sh"
        content = text(cell, facts, site, folder)
        if not script.is_file() or script.read_text() != content:
            script.write_text(content)
            script.chmod(0o755)
