"""What the tests do to Ray, as users and operators would."""

from __future__ import annotations

from collections.abc import Sequence

from hal.adapters.ray import ActorSubmission, RayAdapter
from hal.adapters.ray.convert import job as job_of
from hal.adapters.ray.convert import nodes as nodes_of
from hal.adapters.ray.desk import Desk
from hal.adapters.ray.remote import with_devices

import hal
from tests.waiting import PATIENCE, until


def names() -> dict[str, str]:
    """Node id → name."""
    import ray

    return {node: name for name, node in nodes_of(ray.nodes()).ids.items()}


def idle() -> bool:
    """Whether Ray says that nothing is taken."""
    import ray

    total, free = ray.cluster_resources(), ray.available_resources()
    return all(free.get(key) == total[key] for key in ("CPU", "GPU", "disk"))


class RayHarness:
    """What the contract's checks do to Ray; its jobs are actors, of which Ray says where they live."""

    patience = PATIENCE

    def __init__(self) -> None:
        self.desk = Desk()
        self.made: dict[str, ActorSubmission] = {}

    def adapter(self) -> RayAdapter:
        return RayAdapter(desk=self.desk, poll=0.1)

    def submit(self, count: int) -> list[str]:
        import ray

        class Idle:
            pass

        remote = ray.remote(num_cpus=1)(with_devices(Idle))
        for _ in range(count):
            job = job_of(self.desk.name("idle"), {"num_cpus": 1})
            self.made[job.name] = ActorSubmission(self.desk, job, remote, ((), {}), {"num_cpus": 1})
        return list(self.made)[-count:]

    def withdraw(self, job: str) -> None:
        self.made[job].cancel()

    def seize(self, job: str, node: str) -> bool:
        placement = hal.Placement(job, hal.Status.PLACED, (node,), ((),), (1.0,))
        (answer,) = self.adapter().apply([placement])
        assert answer.outcome.holds
        until(lambda: list(self.where(job)) == [node])
        return True

    def where(self, job: str) -> Sequence[str]:
        import ray._private.state as state

        actor = state.actors(self.made[job].actor_id) if self.made[job].actor_id else {}
        name = names().get(actor.get("Address", {}).get("NodeID", ""))
        return [name] if name is not None and actor["State"] == "ALIVE" else []

    def close_node(self, node: str, closed: bool) -> None:
        (self.desk.cordoned.add if closed else self.desk.cordoned.discard)(node)
