"""A machine: how its launches are started, and what one of its nodes has. Files in cluster/sites."""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from . import Mistake
from .program import ROOT
from .sweep_file import read_toml

FOLDER = ROOT / "cluster/sites"
LAUNCHERS = {
    "mpirun": "mpirun -n {ranks}",
    "srun": "srun --mpi=pmix --nodes={nodes} --ntasks={ranks} --cpus-per-task={threads}",
}


@dataclass
class Site:
    name: str
    executor: str = "local"  # local | slurm
    launcher: str = "mpirun"  # mpirun, srun, or a line with {ranks}, {threads}, {nodes}
    binding: str = ""  # words after the launcher's
    container: str = ""  # words before the program's, such as: apptainer exec image.sif
    setup: list = field(default_factory=list)  # shell lines before a launch; {root} is the folder above cluster/
    modules: list = field(default_factory=list)
    cores_per_node: int = 0  # 0: as many as this machine has
    gpus_per_node: int = 0  # where not 0, a rank takes one
    memory_per_node: float = 0  # bytes; 0: unknown
    flops_per_core: float = 1e9  # assumed of a whole step, until launches have been timed
    partition: str = ""
    account: str = ""
    qos: str = ""
    max_array_size: int = 1000
    at_once: int = 8  # tasks of one array that may run at the same time
    notice_seconds: int = 120  # to finish a step and write a checkpoint: before the time limit, after Ctrl-C
    sbatch: list = field(default_factory=list)  # further #SBATCH options

    def ranks_per_node(self, threads):
        return self.gpus_per_node or max(1, self.cores_per_node // threads)

    def launch_words(self, ranks, threads, nodes):
        line = LAUNCHERS.get(self.launcher, self.launcher)
        return " ".join(filter(None, [line.format(ranks=ranks, threads=threads, nodes=nodes), self.binding, self.container]))

    def setup_lines(self):
        loads = [f"module load {' '.join(self.modules)}"] if self.modules else []
        return loads + [line.replace("{root}", str(ROOT)) for line in self.setup]


def load(name):
    """`name`: of a file in cluster/sites, or a path to one elsewhere."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise Mistake(f"no site {name}: neither a file of that name ending in .toml nor one of {known}")
    data = {"name": path.stem} | read_toml(path)
    known = {part.name: part.type for part in fields(Site)}
    for key, value in data.items():
        if key not in known:
            raise Mistake(f"{path}: unknown key {key}; there are {', '.join(known)}")
        if not isinstance(value, (int, float) if known[key] is float else known[key]):
            raise Mistake(f"{path}: {key} = {value!r} must be of type {known[key].__name__}")
    site = Site(**data)
    if site.executor not in ("local", "slurm"):
        raise Mistake(f'{path}: executor = "{site.executor}" must be local or slurm')
    if site.launcher not in LAUNCHERS and "{ranks}" not in site.launcher:
        raise Mistake(f"{path}: launcher must be mpirun, srun, or a line with {{ranks}} in it")
    site.cores_per_node = site.cores_per_node or len(os.sched_getaffinity(0))
    return site
