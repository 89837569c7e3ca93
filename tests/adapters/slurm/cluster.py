"""A real Slurm on this machine: munged, slurmctld and many slurmd in a folder of their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.waiting import until

__all__ = ["PROGRAMS", "SlurmCluster", "free_ports"]

PROGRAMS = ("munged", "slurmctld", "slurmd", "scontrol", "sbatch", "squeue", "sinfo", "scancel")


class SlurmCluster:
    """``gpu_nodes`` nodes g0 … with 4 GPUs of type a100 and ``cpu_nodes`` nodes c0 …, of 16 CPUs and 64,000 MiB each.

    ``threads``: CPUs of a core. ``conf``: lines of slurm.conf that are others than here. Every process is ended by its
    own id; nothing of the machine's own Slurm is touched.
    """

    def __init__(
        self,
        folder: Path,
        *,
        gpu_nodes: int = 4,
        cpu_nodes: int = 8,
        threads: int = 1,
        lua: str = "",
        **conf: str,
    ) -> None:
        self.folder, self.threads = folder, threads
        self.gpu = [f"g{i}" for i in range(gpu_nodes)]
        self.cpu = [f"c{i}" for i in range(cpu_nodes)]
        self.nodes = self.gpu + self.cpu
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("state", "spool", "log", "dev", "work"):
            (folder / name).mkdir(parents=True)
        self.conf = folder / "slurm.conf"
        ports = free_ports(len(self.nodes) + 1)
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        self._write(ports, lua, conf)

    def _write(self, ports: list[int], lua: str, conf: dict[str, str]) -> None:
        folder = self.folder
        host = socket.gethostname().split(".")[0]
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        for index in range(4):
            device = folder / "dev" / f"fakegpu{index}"
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        lines = [
            "ClusterName=hal",
            f"SlurmctldHost={host}(127.0.0.1)",
            "AuthType=auth/munge",
            "CredType=cred/munge",
            # A job that is requeued waits for its old credential to end before it may start.
            f"AuthInfo=socket={folder}/munge.socket,cred_expire=5",
            "SlurmUser=root",
            f"SlurmctldPort={ports[0]}",
            f"StateSaveLocation={folder}/state",
            f"SlurmdSpoolDir={folder}/spool/%n",
            f"SlurmctldPidFile={folder}/ctld.pid",
            f"SlurmdPidFile={folder}/spool/%n.pid",
            f"SlurmctldLogFile={folder}/log/ctld.log",
            f"SlurmdLogFile={folder}/log/%n.log",
            "SwitchType=switch/none",
            "MpiDefault=none",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "JobAcctGatherType=jobacct_gather/none",
            "AccountingStorageType=accounting_storage/none",
            "SlurmdParameters=config_overrides",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core_Memory",
            "SchedulerType=sched/backfill",
            "SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_min_interval=0",
            "PriorityType=priority/basic",
            "TopologyPlugin=topology/tree",
            "GresTypes=gpu",
            "Licenses=fluent:4",
            "ReturnToService=2",
            "SlurmdTimeout=6",
            "MinJobAge=300",
            "MaxJobCount=20000",
            "MailProg=/bin/true",
            "DefMemPerCPU=100",
            "CommunicationParameters=NoAddrCache",
        ]
        for key, value in conf.items():
            lines = [line for line in lines if not line.startswith(f"{key}=")] + [f"{key}={value}"]
        if lua:
            (folder / "job_submit.lua").write_text(lua)
            lines.append("JobSubmitPlugins=lua")
        for name, port in zip(self.nodes, ports[1:], strict=True):
            gres = " Gres=gpu:a100:4 Feature=a100,ib" if name in self.gpu else " Feature=ib"
            lines.append(
                f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=16 Sockets=2 "
                f"CoresPerSocket={8 // self.threads} ThreadsPerCore={self.threads} RealMemory=64000{gres} State=UNKNOWN"
            )
        lines.append(f"PartitionName=gpu Nodes={','.join(self.gpu)} MaxTime=1-00:00:00 State=UP")
        lines.append(f"PartitionName=cpu Nodes={','.join(self.cpu)} Default=YES MaxTime=1-00:00:00 State=UP")
        lines.append(f"PartitionName=all Nodes={','.join(self.nodes)} MaxTime=1-00:00:00 State=UP")
        self.conf.write_text("\n".join(lines) + "\n")
        (folder / "gres.conf").write_text(
            f"NodeName={','.join(self.gpu)} Name=gpu Type=a100 File={folder}/dev/fakegpu[0-3]\n"
        )
        half = len(self.nodes) // 2
        (folder / "topology.conf").write_text(
            f"SwitchName=leaf1 Nodes={','.join(self.nodes[:half])}\n"
            f"SwitchName=leaf2 Nodes={','.join(self.nodes[half:])}\n"
            "SwitchName=spine Switches=leaf[1-2]\n"
        )

    # ---- daemons -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything, and wait until all nodes are idle."""
        folder = self.folder
        self.spawn(
            "munged",
            ["munged", "-F", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket",
             f"--pid-file={folder}/munge.pid", f"--log-file={folder}/log/munge.log",
             f"--seed-file={folder}/munge.seed", "--force"],
        )  # fmt: skip
        until((folder / "munge.socket").exists, "munged")
        self.start_controller(clean=True)
        for name in self.nodes:
            self.start_node(name)
        until(lambda: set(self.states().values()) == {"IDLE"}, f"idle nodes: {self.log('ctld')}")

    def start_controller(self, *, clean: bool = False) -> None:
        """Start slurmctld; ``clean`` forgets all state."""
        self.spawn("slurmctld", ["slurmctld", "-D", "-i", "-f", str(self.conf)] + (["-c"] if clean else []))
        until(lambda: self.run(["scontrol", "ping"], check=False).find("UP") >= 0, "slurmctld")

    def start_node(self, name: str) -> None:
        """Start the slurmd of one node."""
        self.spawn(name, ["slurmd", "-D", "-c", "-N", name, "-f", str(self.conf)])

    def kill(self, name: str) -> None:
        """Kill a daemon at once, by its own process id."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self, name: str) -> None:
        """Ask a daemon to end, as its service would: slurmctld saves its state first, which a kill may lose."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(30)

    def stop(self) -> None:
        """End all jobs and daemons."""
        with contextlib.suppress(Exception):
            self.run(["scancel", "--user=root"], check=False)
            time.sleep(0.5)
        for name in [n for n in self.processes if n not in ("munged", "slurmctld")] + ["slurmctld", "munged"]:
            process = self.processes.pop(name, None)
            if process is not None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def spawn(self, name: str, command: list[str], **environment: str) -> None:
        """Start a daemon of this cluster, to be ended with it."""
        program = shutil.which(command[0])
        assert program, f"{command[0]} is not installed"
        # Under Debian's own names (slurmd-wlm) the GRES of nodes silently come to nothing.
        with (self.folder / "log" / f"{name}.out").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                command,
                executable=program,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                env=self.environment | environment,
            )

    # ---- as a user -----------------------------------------------------------------------------------

    def run(self, command: list[str], *, check: bool = True, timeout: float = 30) -> str:
        """Run one of Slurm's commands."""
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, timeout=timeout, check=False,
            cwd=self.folder / "work",
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
        return done.stdout + ("" if check else done.stderr)

    def sbatch(self, *options: str, script: str = "sleep 600", held: bool = True) -> str:
        """Submit a job for hal; its number."""
        hold = ["--hold", "--comment=hal"] if held else []
        return self.run(["sbatch", "--parsable", *hold, *options, f"--wrap={script}"]).strip()

    def heterogeneous(self, *components: list[str]) -> str:
        """Submit a job of several components for hal; the number of the first."""
        script = self.folder / "work" / "sleeper.sh"
        script.write_text("#!/bin/sh\nsleep 600\n")
        options: list[str] = []
        for component in components:
            options += [":"] * bool(options) + ["--hold", "--comment=hal", *component]
        return self.run(["sbatch", "--parsable", *options, str(script)]).strip()

    def states(self) -> dict[str, str]:
        """Node → state without flags that fade."""
        rows = self.run(["sinfo", "-h", "-N", "-o", "%N %T"], check=False).splitlines()
        return {row.split()[0]: row.split()[1].upper() for row in rows if len(row.split()) == 2}

    def job(self, job: str) -> dict[str, str]:
        """What ``scontrol show job`` says, by field."""
        line = self.run(["scontrol", "-o", "-d", "show", "job", job], check=False)
        fields: dict[str, str] = {}
        for part in line.split():
            key, equals, value = part.partition("=")
            if equals:
                fields.setdefault(key, value)
        return fields

    def log(self, name: str) -> str:
        """The end of a daemon's log."""
        path = self.folder / "log" / f"{name}.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens to."""
    sockets: list[Any] = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
