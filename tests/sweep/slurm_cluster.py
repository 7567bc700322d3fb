"""A real SLURM of one node, out of Debian's packages: no systemd, no cgroups, everything in one folder."""

import os
import secrets
import shutil
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scontrol")
CONFIGURATION = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MinJobAge=3600
KillWait=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


def missing():
    """Why no cluster can be started here; empty where it can be tried."""
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if absent:
        return f"{', '.join(absent)} not found; on Debian: apt install munge slurmctld slurmd slurm-client"
    return "" if os.geteuid() == 0 else "SLURM's daemons need root"


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    def __init__(self, folder):
        self.folder, self._daemons = folder, []
        for name in ("state", "spool"):
            (folder / name).mkdir()
        self.configuration = folder / "slurm.conf"
        text = CONFIGURATION.format(host=socket.gethostname(), folder=folder, ports=_free_ports(2))
        self.configuration.write_text(text)
        (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        folder.chmod(0o755)

    def start(self):
        names = {
            "key-file": "munge.key",
            "socket": "munge.sock",
            "pid-file": "munge.pid",
            "log-file": "munge.log",
            "seed-file": "seed",
        }
        files = [f"--{option}={self.folder / name}" for option, name in names.items()]
        self._daemon("munged", "--force", "--foreground", *files)
        self._wait(lambda: (self.folder / "munge.sock").exists(), "munged")
        self._daemon("slurmctld", "-D", "-c")
        self._daemon("slurmd", "-D", "-c")
        self._wait(lambda: "idle" in self._ask("sinfo", "--noheader", "--format=%t"), "slurmd")

    def _daemon(self, *words):
        log = open(self.folder / f"{words[0]}.out", "w")  # noqa: SIM115
        environment = os.environ | {"SLURM_CONF": str(self.configuration)}
        self._daemons.append(subprocess.Popen(words, stdout=log, stderr=log, env=environment))

    def _ask(self, *words):
        environment = os.environ | {"SLURM_CONF": str(self.configuration)}
        return subprocess.run(words, capture_output=True, text=True, env=environment).stdout

    def _wait(self, condition, name, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"{name} did not start within {seconds} s; its words are in {self.folder}")
            time.sleep(0.2)

    def stop(self):
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
