"""Where launches happen: on this machine, or in a SLURM queue. Both run the same launch.sh of each cell."""

from . import local, slurm

BY_NAME = {"local": local, "slurm": slurm}
