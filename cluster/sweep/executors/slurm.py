"""The SLURM queue."""

from .. import Mistake


def submit(cells, everything, facts, site, results, dry_run=False):
    raise Mistake(f"{site.name}: sweeps can be planned for SLURM, and submitted on this machine only")


def alive(results):
    return None


def cancel(results):
    return "nothing is queued"
