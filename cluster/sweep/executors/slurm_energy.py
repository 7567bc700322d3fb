"""What SLURM counted of each launch, where the cluster accounts energy (AcctGatherEnergyType of slurm.conf) and keeps accounts.

Each launch is a job step that has the name of its cell; `sacct` gives ConsumedEnergyRaw, joules, of it: of all its nodes, whoever
used them. A cluster that counts none says 0, or nothing."""

from .slurm import call

FORMAT = "JobName,ConsumedEnergyRaw"


def joules(jobs):
    """{cell name: joules of all its launches}, where something is known; `jobs`: {cell name: those that launched it}."""
    # Arrays, since all their tasks may be too many words for a command.
    every = sorted({job.split("_")[0] for several in jobs.values() for job in several})
    if not every:
        return {}
    answer = call("sacct", "--noheader", "--parsable2", f"--jobs={','.join(every)}", f"--format={FORMAT}")
    found = {}
    for line in answer.stdout.splitlines() if answer.returncode == 0 else ():
        name, _, told = line.rpartition("|")
        if name in jobs and told.strip().isdigit() and int(told) > 0:
            found[name] = found.get(name, 0) + int(told)
    return found
