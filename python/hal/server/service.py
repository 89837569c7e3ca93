"""What a server does, without HTTP: one live cluster, one caller at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hal import policies
from hal.answer import Explanation, Placement
from hal.cluster import Cluster
from hal.control import Controller
from hal.energy import PowerModel
from hal.errors import HalError, InvalidModel, PolicyError
from hal.files import job_of
from hal.model import Job
from hal.place import place
from hal.policy import Policy
from hal.server.live import Live, Own
from hal.server.readings import Readings

__all__ = ["Service"]

#: A composition longer than this is no policy that anybody wrote by hand.
_POLICY_TEXT = 500


class Service:
    """One live cluster behind a lock.

    Parameters
    ----------
    live : Live or Cluster
        A `Cluster` is the server's own: changed by `place` with ``apply`` and by `release` alone. Any other follows
        an orchestrator, which alone changes it.
    policy : str
        What decides when a request names none.
    controller : Controller, optional
        Turns p: what decides is then ``pack_spread(p)``, and ``policy`` is not looked at.
    power : PowerModel, optional
        What nodes draw, for the metrics; None: those are not given.

    Notes
    -----
    Policies are named, never imported: a request cannot make the server load code.
    """

    def __init__(
        self,
        live: Live | Cluster,
        *,
        policy: str = "best_fit",
        controller: Controller | None = None,
        power: PowerModel | None = None,
    ) -> None:
        self.live: Live = Own(live) if isinstance(live, Cluster) else live
        self.readings = Readings(self.live, controller=controller, power=power)
        self._default = policy
        self._policies: dict[str, Policy] = {self.default: policies.get(self.default)}
        self.stopping = False

    @property
    def cluster(self) -> Cluster:
        """The live cluster."""
        return self.live.cluster

    @property
    def default(self) -> str:
        """What decides when a request names nothing."""
        p = self.readings.controlled
        return self._default if p is None else f"pack_spread({p:g})"

    @property
    def trouble(self) -> str:
        """Why it should not be asked now; empty when it may be."""
        if self.stopping:
            return "shutting down"
        return f"{self.live.name}: {self.live.fault}" if self.live.fault else ""

    @property
    def p(self) -> float | None:
        """The knob of what decides, from pack (0) to spread (1); None where it has none."""
        knobs = [getattr(scorer, "p", None) for scorer in self.policy(None).scorers]
        return next((float(p) for p in knobs if isinstance(p, (int, float))), None)

    def policy(self, text: str | None) -> Policy:
        """Return the policy of that name.

        Raises
        ------
        PolicyError
            There is none, or the text would have code loaded.
        """
        text = text or self.default
        if ":" in text or len(text) > _POLICY_TEXT:
            raise PolicyError(f"policy = {text[:40]!r}: name a policy that the server lists")
        if text not in self._policies:
            if len(self._policies) >= 256:
                self._policies.clear()
            self._policies[text] = policies.get(text)
        return self._policies[text]

    def place(
        self, jobs: Sequence[Job], policy: str | None, *, order: str | None = None, apply: bool = False
    ) -> tuple[str, list[Placement], float]:
        """Decide, and book if asked to; returns the policy's name, the answers and the seconds taken.

        Raises
        ------
        HalError
            ``apply`` on a cluster that follows an orchestrator: what runs there is for it to say.
        """
        decided = self.policy(policy)
        if apply:
            self._own("apply")
        with self.live.lock:
            begin = time.perf_counter()
            placements = place(self.cluster, jobs, decided, order=order, apply=apply)
            seconds = time.perf_counter() - begin
            return decided.name, placements[:], seconds

    def explain(self, job: Job, policy: str | None, *, top: int) -> Explanation:
        """Say where a job would go now, or why nowhere."""
        decided = self.policy(policy)
        with self.live.lock:
            return place(self.cluster, job, decided).explain(0, top=top)

    def advise(
        self, policy: str | None, *, order: str | None, most: int, explained: int
    ) -> tuple[list[Placement], dict[str, Explanation], int, float]:
        """Say what would be done now with what waits; does nothing.

        Parameters
        ----------
        policy, order : str or None
        most : int
            Jobs to look at, from the front of the queue.
        explained : int
            Of those that would go on waiting, how many are told why: an explanation looks at every node.

        Returns
        -------
        placements, {job: why it would wait}, jobs that wait in all, seconds
        """
        decided = self.policy(policy)
        with self.live.lock:
            waiting = list(self.live.waiting.values())
            fork = self.cluster.fork()
        begin = time.perf_counter()
        placements = place(fork, waiting[:most], decided, order=order)
        answers = list(placements)
        left = [answer.job for answer in answers if not answer.placed][:explained]
        reasons = {job: placements.explain(job, top=0) for job in left}
        return answers, reasons, len(waiting), time.perf_counter() - begin

    def release(self, jobs: Iterable[str]) -> None:
        """Give back what jobs hold, all or none."""
        self._own("release")
        with self.live.lock:
            self.cluster.release(list(jobs))

    def _own(self, what: str) -> None:
        if self.live.name:
            raise HalError(
                f"{what}: this cluster is what {self.live.name} says it is; let {self.live.name} start and end jobs"
            )


def jobs_of(entries: Sequence[Mapping[str, Any]]) -> list[Job]:
    """Return the jobs of a request; errors name the entry."""
    jobs: list[Job] = []
    for index, entry in enumerate(entries):
        try:
            jobs.append(job_of(entry))
        except InvalidModel as error:
            raise InvalidModel(f"jobs[{index}]: {error}") from None
    return jobs
