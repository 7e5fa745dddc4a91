"""A Slurm cluster of several nodes on this machine alone, as root, on free ports, with all its state in one folder.

The daemons are those of the system's packages (Debian: slurmctld, slurmd, slurm-client, munge), started without
systemd and ended by `SlurmCluster.stop`. Nothing is asked of cgroups.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NEEDED = ("setpriv", "munged", "slurmctld", "slurmd", "sbatch", "scontrol")
PATHS = ("/usr/sbin", "/sbin")
LIMIT_S = 60.0
STOP_S = 10.0

_CONFIG = """
ClusterName=mtlruntest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
{nodes}
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=gentle Nodes=ALL PriorityTier=1 GraceTime=100 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 State=UP
"""


def missing() -> list[str]:
    """Return the commands that a cluster needs and this machine lacks."""
    return [name for name in NEEDED if not _found(name)]


class SlurmCluster:
    """Nodes n1, n2, ... on this machine, in partitions `low`, `gentle` and `urgent`.

    Where `urgent` wants a node, jobs of `low` are killed and queued again at once, those of `gentle` after a SIGTERM
    and 100 s.

    Args:
        folder: new; holds configuration, state and logs.
        nodes: how many.
        cpus: of each node.
    """

    def __init__(self, folder: Path, nodes: int = 3, cpus: int = 1) -> None:
        self.folder = folder
        self.names = [f"n{number}" for number in range(1, nodes + 1)]
        self._daemons: list[subprocess.Popen[bytes]] = []
        folder.mkdir(mode=0o755)
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        host, (port, *ports) = socket.gethostname().split(".")[0], _free_ports(nodes + 1)
        lines = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={own} CPUs={cpus} RealMemory=16000"
            for name, own in zip(self.names, ports, strict=True)
        ]
        self.config = folder / "slurm.conf"
        self.config.write_text(_CONFIG.format(host=host, port=port, folder=folder, nodes="\n".join(lines)))

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Slurm's commands reach this cluster."""
        return {"SLURM_CONF": str(self.config)}

    def start(self) -> None:
        """Start all daemons, and wait until every node is idle."""
        files = {name: f"{self.folder}/munge.{name}" for name in ("socket", "key", "log", "seed", "pid")}
        self._spawn(
            *("munged", "--foreground", "--force", "--num-threads=2", f"--socket={files['socket']}"),
            *(f"--key-file={files['key']}", f"--log-file={files['log']}"),
            *(f"--seed-file={files['seed']}", f"--pid-file={files['pid']}"),
        )
        self._wait(lambda: Path(files["socket"]).exists(), "munge's socket")
        self._spawn("slurmctld", "-D", "-f", str(self.config))
        for name in self.names:
            self._spawn("slurmd", "-D", "-N", name, "-f", str(self.config))
        self._wait(lambda: self.node_states() == dict.fromkeys(self.names, "idle"), "idle nodes")

    def call(self, *command: str) -> str:
        """Return what one of Slurm's commands prints."""
        done = subprocess.run(
            [_found(command[0]) or command[0], *command[1:]],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}\n{self.logs()}"
        return done.stdout

    def node_states(self) -> dict[str, str]:
        """Return the state of every node, by name; nothing where the controller does not answer yet."""
        done = subprocess.run(
            [_found("sinfo") or "sinfo", "--noheader", "--Node", "--partition=low", "--format=%N %T"],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        return dict(line.split() for line in done.stdout.splitlines())

    def jobs(self, state: str = "all", *fields: str) -> list[list[str]]:
        """Return what squeue says of jobs in a state, in squeue's letters; the ids without any."""
        text = " ".join(f"%{letter}" for letter in fields or ("i",))
        found = self.call("squeue", "--noheader", "--array", f"--states={state}", f"--format={text}")
        return [line.split() for line in found.splitlines()]

    def hurry(self, job: str) -> None:
        """Wait until a job has been queued again, and let it start: Slurm makes such a job wait for two minutes."""
        self._wait(lambda: "Restarts=1" in self.call("scontrol", "show", "job", job), "requeued job")
        self._wait(lambda: [job, "PENDING"] in self.jobs("all", "i", "T"), "waiting job")
        self.call("scontrol", "update", f"jobid={job}", "starttime=now")

    def logs(self) -> str:
        """Return the last lines of every daemon's log."""
        texts = {path.name: path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log"))}
        return "\n".join(f"== {name}\n" + "\n".join(t.splitlines()[-15:]) for name, t in texts.items())

    def stop(self) -> None:
        """End all jobs and daemons."""
        if self.node_states():
            for how in (("--signal=KILL", "--full"), ()):
                self.call("scancel", *how, "--user=root")
            end = time.monotonic() + STOP_S
            while self.jobs("running,completing") and time.monotonic() < end:
                time.sleep(0.1)
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in reversed(self._daemons):
            try:
                daemon.wait(STOP_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()

    def _spawn(self, name: str, *arguments: str) -> None:
        """Start a daemon that ends with this process, however that ends."""
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons.append(
                subprocess.Popen(
                    ["setpriv", "--pdeathsig=TERM", _found(name) or name, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def _wait(self, there: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + LIMIT_S
        while not there():
            dead = [daemon.args for daemon in self._daemons if daemon.poll() is not None]
            assert not dead and time.monotonic() < end, f"no {what}; ended: {dead}\n{self.logs()}"
            time.sleep(0.1)


@contextlib.contextmanager
def slurm_cluster(folder: Path, nodes: int = 3) -> Iterator[SlurmCluster]:
    """A running cluster, which ends with the block."""
    cluster = SlurmCluster(folder, nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _found(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *PATHS]))


def _free_ports(number: int) -> list[int]:
    """Return ports of this machine that nobody uses now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
