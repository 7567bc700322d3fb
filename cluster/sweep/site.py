"""A machine: how its launches are started, and what one of its nodes has. Files in cluster/sites."""

import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from . import Mistake, keys
from .program import ROOT
from .toml_file import read_toml

FOLDER = ROOT / "cluster/sites"
LAUNCHERS = {
    "mpirun": "mpirun -n {ranks}",
    "srun": "srun --mpi=pmix --nodes={nodes} --ntasks={ranks} --cpus-per-task={threads}",
}
SHAPE = ("ranks", "threads", "nodes")  # what stands in braces in a launcher's line or binding
LEAST = {"cores_per_node": 0, "gpus_per_node": 0, "max_array_size": 1, "at_once": 1, "notice_seconds": 1}


@dataclass
class Site:
    name: str
    executor: str = "local"  # local | slurm
    launcher: str = "mpirun"  # mpirun, srun, or a line with {ranks}, {threads}, {nodes}
    binding: str = ""  # words after the launcher's; in the file a table, as each launcher has options of its own
    container: str = ""  # words before the program's, such as: apptainer exec image.sif
    setup: list = field(default_factory=list)  # shell lines before a launch; '{root}' is the folder above cluster/
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

    def launch_words(self, ranks, threads, nodes, step_name=""):
        """`step_name`: of the job step, by which SLURM's accounts know the launch."""
        line = " ".join(filter(None, [LAUNCHERS.get(self.launcher, self.launcher), self.binding]))
        for name, value in zip(SHAPE, (ranks, threads, nodes), strict=True):
            line = line.replace(f"{{{name}}}", str(value))
        step = f"--job-name={step_name}" if step_name and self.launcher == "srun" else ""
        return " ".join(filter(None, [line, step, self.container]))

    def setup_lines(self):
        loads = [f"module load {' '.join(self.modules)}"] if self.modules else []
        root = str(ROOT).replace("'", "'\\''")  # site files have it between single quotes
        return loads + [line.replace("{root}", root) for line in self.setup]


def _binding(path, table, launcher):
    """Of {launcher: words}: those of the launcher that is used."""
    keys.require(path, table, dict.fromkeys(LAUNCHERS, str), "binding.")
    return table.get(launcher, "")


def _require_launcher(path, launcher):
    if launcher not in LAUNCHERS and "{ranks}" not in launcher:
        raise Mistake(f"{path}: launcher must be mpirun, srun, or a line with {{ranks}} in it")
    for name in re.findall(r"(?<!\$)\{(\w*)\}", launcher):
        if name not in SHAPE:
            raise Mistake(f"{path}: launcher has {{{name}}}; in braces may stand {', '.join(SHAPE)}")


def _require_values(path, site):
    for key, least in LEAST.items():
        keys.count(path, key, getattr(site, key), least)
    for key, least in (("memory_per_node", 0), ("flops_per_core", 1)):
        value = getattr(site, key)
        if not least <= value < float("inf"):
            raise Mistake(f"{path}: {key} = {value} must be a finite number of at least {least}")
    for key in ("setup", "modules", "sbatch"):
        keys.require_list_of(path, getattr(site, key), str, key)


def load(name):
    """`name`: of a file in cluster/sites, or a path to one elsewhere."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise Mistake(f"no site {name}: neither a file of that name ending in .toml nor one of {known}")
    data = {"name": path.stem} | read_toml(path)
    keys.require(path, data, {part.name: part.type for part in fields(Site)} | {"binding": dict})
    data["binding"] = _binding(path, data.get("binding", {}), data.get("launcher", Site.launcher))
    site = Site(**data)
    if site.executor not in ("local", "slurm"):
        raise Mistake(f'{path}: executor = "{site.executor}" must be local or slurm')
    _require_launcher(path, site.launcher)
    _require_values(path, site)
    site.cores_per_node = site.cores_per_node or len(os.sched_getaffinity(0))
    return site
