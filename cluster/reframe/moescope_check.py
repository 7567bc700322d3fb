"""ReFrame tests of moescope: one small launch, its checks of itself, and its measures beside reference values."""

import json
import os
from pathlib import Path

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.backends import getlauncher
from reframe.core.builtins import run_after, run_before, sanity_function, variable

ROOT = Path(__file__).resolve().parents[2]
TEXT = "mkdir text && for i in {1..12}; do for ((n = 0; n < 60; n++)); do echo the cat $i sat on the mat; done >text/$i.txt; done"


@rfm.simple_test
class MoescopeLaunch(rfm.RunOnlyRegressionTest):
    """The model of experiments/smoke on two ranks, trained on a text that is the same everywhere."""

    descr = "moescope: a launch on two ranks"
    program = variable(str, value=os.environ.get("MOESCOPE", str(ROOT / "build/src/apps/moescope")))
    reference_file = variable(str, value=str(Path(__file__).with_name("reference.toml")))  # of moescope-sweep check

    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    sourcesdir = None
    num_tasks = 2
    num_cpus_per_task = 1
    time_limit = "10m"

    @run_after("init")
    def set_commands(self):
        settings = {"layout.ep": 2, "train.steps": 20, "train.record_warm_up_steps": 5, "data.path": "data"}
        settings |= {"train.dtype": "float64", "train.timing": "free"}  # decisions that rounding does not change; times
        self.executable = self.program
        self.executable_opts = ["run", str(ROOT / "experiments/smoke/base.toml"), "--out", "run.h5"]
        for key, value in settings.items():
            self.executable_opts += ["--set", f"{key}={value}"]
        self.prerun_cmds = [TEXT, f"'{self.program}' data pack --out data --held-out 0.25 --domain prose=text"]

    @run_before("run")
    def start_ranks(self):
        """ReFrame's own local launcher starts one process."""
        if self.job.launcher.registered_name == "local":
            self.job.launcher = getlauncher("mpirun")()
            self.prerun_cmds.append(f"source '{ROOT}/cluster/setup/mpi_environment.sh'")
        driver, system = ROOT / "cluster/moescope-sweep", self.current_system.name
        words = f"'{driver}' check run.h5 --site '{system}' --reference '{self.reference_file}' --json"
        self.postrun_cmds = [f"{words} >check.json 2>check.err"]

    def compared(self):
        """What `moescope-sweep check` says; it alone reads the run file and the reference values."""
        try:
            return json.loads(Path(self.stagedir, "check.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []

    @sanity_function
    def everything_is_compared(self):
        """The program checks itself and marks a wrong file, which check refuses; a value out of its range is told later."""
        found = self.compared()
        lost = [
            f"{one['measure']} {one['result']}: {one['reason']}" for one in found if one["result"] not in ("ok", "LOW", "HIGH")
        ]
        files = (Path(self.stagedir, name) for name in ("check.err", self.stderr.evaluate()))
        words = " ".join(path.read_text(encoding="utf-8", errors="replace").strip() for path in files if path.is_file())
        return sn.all([sn.assert_true(found, words or "nothing was compared"), sn.assert_false(lost, "; ".join(lost))])

    @run_before("performance")
    def set_references(self):
        named, bounds = {}, {}
        for one in self.compared():
            name = one["measure"] if one["measure"] not in named else f"{one['measure']}_{len(named)}"
            unit = one["unit"] or "1"
            named[name] = sn.make_performance_function(sn.defer(one["value"]), unit)
            bounds[name] = (one["reference"], one["lower"], one["upper"], unit)
        self.perf_variables, self.reference = named, {"*": bounds}
