"""What the tests do to their Slurm, as users and operators would."""

from __future__ import annotations

from collections.abc import Sequence

from hal.adapters.slurm import SlurmAdapter

import hal
from tests.adapters.slurm.cluster import SlurmCluster
from tests.waiting import PATIENCE, until


class SlurmHarness:
    """What the contract's checks do to Slurm."""

    patience = PATIENCE

    def __init__(self, slurm: SlurmCluster) -> None:
        self.slurm = slurm

    def adapter(self) -> SlurmAdapter:
        return SlurmAdapter(conf=str(self.slurm.conf), poll=0.1)

    def submit(self, count: int) -> list[str]:
        return [self.slurm.sbatch("-n", "1", "-p", "all") for _ in range(count)]

    def withdraw(self, job: str) -> None:
        self.slurm.run(["scancel", job])

    def seize(self, job: str, node: str) -> bool:
        self.slurm.run(["scontrol", "update", f"JobId={job}", f"ReqNodeList={node}"])
        self.slurm.run(["scontrol", "release", job])
        until(lambda: list(self.where(job)) == [node])
        return True

    def where(self, job: str) -> Sequence[str]:
        given = self.slurm.job(job).get("NodeList", "")
        return hal.topology.expand_hosts(given) if given not in ("", "(null)") else ()

    def close_node(self, node: str, closed: bool) -> None:
        state = ["State=DRAIN", "Reason=test"] if closed else ["State=RESUME"]
        self.slurm.run(["scontrol", "update", f"NodeName={node}", *state])
