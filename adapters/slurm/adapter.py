"""Slurm as an adapter: held jobs are pinned to nodes and released; what happens is seen by looking again."""

from __future__ import annotations

import dataclasses
import getpass
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence

from hal.adapters.contract import (
    CONTRACT,
    Applied,
    Delta,
    Outcome,
    Reserved,
    Snapshot,
    Stale,
)
from hal.adapters.mirror import differences
from hal.adapters.slurm.client import Client
from hal.adapters.slurm.convert import Converted, convert
from hal.adapters.slurm.hetjobs import components, pin, settled
from hal.adapters.slurm.nodes import topology_of
from hal.adapters.slurm.outcomes import JOB, became, ready
from hal.adapters.slurm.pins import pin_job, take_back
from hal.adapters.slurm.rank import site_factors, to_rank
from hal.adapters.slurm.records import JobRecord, NodeRecord, hosts, job_name
from hal.adapters.slurm.reserve import answers, commands
from hal.adapters.slurm.rest import RestClient

import hal
import hal.topology

__all__ = ["SlurmAdapter"]

log = logging.getLogger("hal.slurm")

_UNSAFE = re.compile(r"[^\w .,:;/()%+-]")


class SlurmAdapter:
    """One Slurm cluster.

    Parameters
    ----------
    conf : str
        Path of slurm.conf; empty: where Slurm itself looks.
    claim : str
        Which held jobs are hal's: ``"all"``, or those whose comment is, or starts with, this word.
    timeout, poll : float
        Seconds for one command, and between two looks.
    form : {"auto", "json", "text", "rest"}
    url, token_file, user : str
        Of slurmrestd, with ``form="rest"``: see `RestClient`.
    steer : {"pin", "site_factor", "priority"}
        Place held jobs; or leave placing to Slurm, and only have jobs that are not held start in hal's order, by the
        site's factor of their priorities or by priorities that stay as they are written.

    Notes
    -----
    A job is submitted held with the comment (``sbatch --hold --comment=hal``), pinned by ``ReqNodeList`` and released.
    Reading costs two to four commands a look, however many jobs wait; carrying out costs three for any number of
    placements. A pin that Slurm cannot satisfy (``BadConstraints``), or whose node has gone since, is taken back, and
    the job waits again without these nodes. An order takes two or three commands; Slurm keeps it with
    ``priority/multifactor`` alone, because with ``priority/basic`` jobs start as they came.
    """

    contract = CONTRACT
    name = "slurm"

    def __init__(
        self,
        *,
        conf: str = "",
        claim: str = "hal",
        timeout: float = 20.0,
        poll: float = 0.5,
        form: str = "auto",
        url: str = "",
        token_file: str = "",
        user: str = "",
        steer: str = "pin",
        client: Client | None = None,
    ) -> None:
        if steer not in ("pin", "site_factor", "priority"):
            raise hal.AdapterError(f"steer = {steer!r}: must be pin, site_factor or priority")
        if not (timeout > 0 and poll >= 0):
            raise hal.AdapterError(
                f"timeout = {timeout}, poll = {poll}: must be seconds, over 0 and from 0 on"
            )
        self.ranks, self.steer = steer != "pin", steer
        if client is None and form == "rest":
            client = RestClient(url=url, token_file=token_file, user=user, conf=conf, timeout=timeout)
        self.client = client or Client(conf=conf, timeout=timeout, form=form)
        self.claim, self.poll = claim, poll
        self._count = 0
        self._last: Converted | None = None
        self._names: list[str] = []  # of all nodes
        self._refused: dict[str, frozenset[str]] = {}
        self._undo: list[str] = []  # commands that take pins back: whoever only looks changes nothing
        self._submitted: dict[str, int] = {}
        self._topology: tuple[str, hal.topology.Topology | None] = ("", None)

    @property
    def version(self) -> str:
        """Number of the last look."""
        return str(self._count)

    # ---- reading -------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Read everything."""
        now = self._look()
        tree = self.client.topology()
        if tree != self._topology[0]:
            self._topology = tree, topology_of(tree)
        return Snapshot(now.nodes, now.running, now.jobs, self.version, self._topology[1], now.dropped)

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Look again and again, and tell the differences."""
        before = self._last
        if before is None or version != self.version:
            raise Stale(f"version {version}: only what changed since the last look is known, {self.version}")
        end = time.monotonic() + timeout
        while True:
            after = self._look()
            yield from differences(before.look, after.look)
            before = after
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(self.poll, left))

    def _look(self) -> Converted:
        nodes = self.client.nodes()
        if any(node.threads > 1 for node in nodes) and not self.client.cores:
            nodes = [dataclasses.replace(node, threads=1) for node in nodes]
        self._names = [node.name for node in nodes]
        jobs = settled(self.client.jobs(), self._names)
        if not self.ranks:
            jobs = self._take_back(jobs, nodes)
        ours = [job for job in jobs if job.state == "PENDING" and self._claims(job)]
        self._submitted = {job_name(job): job.submitted for job in ours if job.submitted}
        # Slurm's clock may be ahead of ours: it is at least as late as its last submission.
        now = max(int(time.time()), *(job.submitted for job in jobs), 0)
        self._last = convert(
            nodes,
            jobs,
            now=now,
            claims=self._claims,
            reservations=self.client.reservations() if ours else (),
            refused=self._refused,
            licences=self.client.licences() if any(job.licenses for job in ours) else None,
            released=self.ranks,
        )
        self._count += 1
        return self._last

    def _claims(self, job: JobRecord) -> bool:
        return self.claim == "all" or job.comment.split(" ")[0].split(":")[0] == self.claim

    def _take_back(self, jobs: list[JobRecord], nodes: list[NodeRecord]) -> list[JobRecord]:
        """Keep the commands that undo pins which lead nowhere; return the records as Slurm's will be."""
        found = take_back(jobs, {node.name: node for node in nodes}, self._claims)
        self._undo = found.commands
        for job in found.refused:
            name, where = job_name(job), frozenset(hosts(job.required))
            before = self._refused.get(name, frozenset())
            if not where <= before:
                self._refused[name] = before | where
                log.warning("a pin was refused", extra={"job": name, "nodes": job.required})
        return found.jobs

    # ---- changing ------------------------------------------------------------------------------------

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Take back pins that lead nowhere; pin and release, then look what became of each."""
        undo, self._undo = self._undo, []
        if undo:
            self.client.batch(undo)
        if not placements:
            return []
        self._names = self._names or [node.name for node in self.client.nodes()]
        jobs = self._by_name()
        known = set(self._names)
        answers: dict[int, Applied] = {}
        sent: dict[int, hal.Placement] = {}
        commands: list[str] = []
        for index, placement in enumerate(placements):
            parts = _find(jobs, placement.job)
            answer = ready(placement, parts, known)
            if answer is not None:
                answers[index] = answer
                continue
            sent[index] = placement
            if parts[0].het:
                commands += pin(parts, placement, self._names)
                continue
            commands += pin_job(parts[0], placement.job, placement.nodes)
        if sent:
            try:
                said = self.client.batch(commands)
                jobs = self._by_name()
            except hal.AdapterError as error:
                answers |= {i: Applied(p.job, Outcome.UNKNOWN, str(error)) for i, p in sent.items()}
            else:
                answers |= {i: became(p, _find(jobs, p.job), said) for i, p in sent.items()}
        for index, placement in enumerate(placements):
            if self._last is not None:
                self._last.look.answered(placement, answers[index].outcome)
        return [answers[index] for index in range(len(placements))]

    def _by_name(self) -> dict[str, list[JobRecord]]:
        """Return the record of each job, of heterogeneous ones those of all components."""
        jobs: dict[str, list[JobRecord]] = {}
        now = settled(self.client.jobs(), self._names)
        for job in now:
            jobs[job_name(job)] = [job]
            if job.array_job and not job.array.isdigit():  # the parent stands for the tasks that wait
                jobs.setdefault(f"{job.array_job}_*", [job])
        return jobs | {str(leader): parts for leader, parts in components(now).items()}

    def rank(self, jobs: Sequence[str]) -> None:
        """Let jobs exchange their priorities, so that they start in this order; tasks of an array go together."""
        known = self._by_name()
        priorities: dict[str, int] = {}
        for name in jobs:
            for job in _find(known, name)[:1]:
                if job.state == "PENDING" and not job.held and JOB.match(name):
                    priorities.setdefault(str(job.id), job.priority)
        changes = to_rank(list(priorities), priorities)
        if not changes:
            return
        if not self.client.multifactor:
            raise hal.AdapterError(
                "PriorityType = priority/basic: starts jobs as they came; set priority/multifactor"
            )
        if self.steer == "site_factor":
            factors = site_factors(changes, self.client.run(["sprio", "--noheader", "--format=%i %S"]))
            self.client.batch([f"update JobId={name} SiteFactor={value}" for name, value in factors.items()])
        else:
            self.client.batch([f"update JobId={name} Priority={to}" for name, (_, to) in changes.items()])

    def reserve(self, wanted: Sequence[Reserved], *, users: str = "") -> list[Applied]:
        """Make reservations of whole nodes, change those that differ, and look what became of them.

        Parameters
        ----------
        wanted : sequence of Reserved
        users : str
            Who may use them, with commas; empty: who runs this.
        """
        now = int(time.time())
        lines, told = commands(wanted, self.client.reservations(), now=now, users=users or getpass.getuser())
        said = self.client.batch(lines) if lines else ""
        return answers(wanted, told, self.client.reservations(), said, now)

    def submitted(self, job: str) -> float | None:
        """When a job was submitted that waited at the last look, by Slurm's clock."""
        return self._submitted.get(job)

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Write why jobs wait into their administrator's comment, which users see with ``scontrol show job``."""
        commands = [
            f'update JobId={job} AdminComment="{_UNSAFE.sub("", text)[:500]}"'
            for job, text in reasons.items()
            if JOB.match(job)
        ]
        if commands:
            self.client.batch(commands)

    def close(self) -> None:
        """Nothing is held open."""


def _find(jobs: Mapping[str, list[JobRecord]], name: str) -> list[JobRecord]:
    """Return a job's records; a task of an array that waits has its parent's."""
    return jobs.get(name) or jobs.get(f"{name.partition('_')[0]}_*") or []
