"""A real Ray whose state cannot be read when told so; what waits is actors, of which Ray says where they live."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hal.adapters import Adapter
from hal.adapters.ray import RayAdapter

from tests.adapters.ray.harness import RayHarness, idle
from tests.waiting import until


class RayFaults:
    """See `tests.adapters.faults.suite.Harness`.

    Changing has no faults here: to submit is to enter something into this process's own tables, which Ray's driver
    sends on; what becomes of it is seen by reading.
    """

    reading = ("error", "nonsense", "slow")
    changing = ()
    secret = ""

    def __init__(self) -> None:
        self.users = RayHarness()
        self._kind, self._left = "", 0

    def close(self) -> None:
        for one in self.users.made.values():
            one.cancel()
        until(idle)

    def adapter(self) -> RayAdapter:
        adapter = RayAdapter(desk=self.users.desk, poll=0.05)
        client = adapter.client
        nodes, free = client.ray.nodes, client._state.available_resources_per_node

        def struck(call: Any) -> Any:
            if not self._left:
                return call()
            self._left -= 1
            if self._kind == "nonsense":
                return [{"Alive": "perhaps"}, None, 17]
            raise (TimeoutError if self._kind == "slow" else ConnectionError)(
                "failed to reach the control store"
            )

        class Struck:
            """Ray, or its state, with one call that fails."""

            def __init__(self, of: Any, **calls: Any) -> None:
                self._of = of
                vars(self).update(calls)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._of, name)

        client.ray = Struck(client.ray, nodes=lambda: struck(nodes))
        client._state = Struck(client._state, available_resources_per_node=lambda: struck(free))
        return adapter

    def submit(self, count: int) -> list[str]:
        return self.users.submit(count)

    def withdraw(self, jobs: Sequence[str]) -> None:
        for job in jobs:
            self.users.withdraw(job)

    def seize(self, job: str, node: str) -> None:
        self.users.seize(job, node)

    def fail(self, kind: str, times: int) -> None:
        self._kind, self._left = kind, times

    def forget(self, adapter: Adapter) -> None:
        self.users.desk.log.clear()

    def skew(self, seconds: int) -> None:
        """No time of Ray's is looked at."""

    def lie(self, node: str) -> None:
        raise NotImplementedError(
            "what others hold is told from what is free, which is never more than there is"
        )

    def starts(self, job: str) -> int:
        return self.users.made[job].placed

    def where(self, job: str) -> Sequence[str]:
        return self.users.where(job)

    def overfull(self) -> Sequence[str]:
        used: Counter[str] = Counter()
        for job, one in self.users.made.items():
            if one.state == "running":
                with contextlib.suppress(IndexError):  # not begun yet
                    used[self.users.where(job)[0]] += 1
        return [node for node, cpus in used.items() if cpus > 4]
