"""How a program gives its tasks, actors and gangs to hal: a wrapper and a decorator."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hal.adapters.loop import Loop
from hal.adapters.ray import convert
from hal.adapters.ray.adapter import RayAdapter
from hal.adapters.ray.bundles import gang
from hal.adapters.ray.client import ray_module
from hal.adapters.ray.remote import with_devices
from hal.adapters.ray.submissions import ActorSubmission, GangSubmission, TaskSubmission

import hal

__all__ = ["Place", "Scheduler", "scheduler"]

log = logging.getLogger("hal.ray")


@contextlib.contextmanager
def scheduler(
    address: str = "",
    *,
    policy: hal.Policy | str = "best_fit",
    order: str | None = None,
    queues: hal.QueueTree | None = None,
    poll: float = 0.5,
    pin_gpus: bool = False,
) -> Iterator[Scheduler]:
    """Place what is submitted in the block by a policy.

    At the end of the block it waits for the tasks, as an executor does; after an exception it withdraws what waits.
    Actors and placement groups go with the program, as Ray's own do.

    Parameters
    ----------
    address, poll, pin_gpus
        See `RayAdapter`.
    policy, order, queues
        See `hal.place`.

    Raises
    ------
    AdapterError
        There is no cluster at that address.
    PolicyError
    """
    this = Scheduler(
        RayAdapter(address=address, poll=poll, pin_gpus=pin_gpus), policy=policy, order=order, queues=queues
    )
    try:
        yield this
    except BaseException:
        this.close(wait=False)
        raise
    this.close()


class Scheduler:
    """Decides, in a thread of its own, where what is submitted through it runs; made by `scheduler`.

    Parameters
    ----------
    adapter : RayAdapter
    policy, order, queues
        See `hal.place`.
    """

    def __init__(
        self,
        adapter: RayAdapter,
        *,
        policy: hal.Policy | str = "best_fit",
        order: str | None = None,
        queues: hal.QueueTree | None = None,
    ) -> None:
        self.adapter, self._desk = adapter, adapter.desk
        self._loop = Loop(adapter, policy=policy, order=order, queues=queues)
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._how: dict[str, Any] = {"policy": policy, "order": order, "queues": queues}
        hal.place(self._loop.mirror.cluster, [], **self._how)  # a wrong policy fails here
        self._thread = threading.Thread(target=self._run, name="hal-ray", daemon=True)
        self._thread.start()

    def place(self, *, priority: int = 0, queue: str = "", **options: Any) -> Place:
        """Decorate a function or class whose calls hal places; takes the options of ``ray.remote``."""
        return Place(self, options, priority, queue)

    def submit(self, target: Any, /, *args: Any, **named: Any) -> Any:
        """Submit a call of a function, plain or remote, or make an actor of a class; see `Placed.remote`."""
        return self.place()(target).remote(*args, **named)

    def gang(
        self,
        bundles: Sequence[Mapping[str, float]],
        *,
        name: str = "gang",
        strategy: str = "PACK",
        **more: Any,
    ) -> GangSubmission:
        """Submit a placement group: all its bundles get a place, or none does.

        Parameters
        ----------
        bundles : sequence of mapping
            As in ``ray.util.placement_group``; of at most 8 kinds.
        strategy : {"PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"}
            PACK leaves it to the policy.
        label_selector : mapping of str to str, optional
            Labels of the nodes of every bundle, in Ray's spelling.
        priority, queue
            See `hal.Job`.
        """
        job = self.checked(gang(self._desk.name(name), bundles, strategy=strategy, **more))
        return GangSubmission(self._desk, job, bundles)

    def cordon(self, node: str, *, cordoned: bool = True) -> None:
        """Place nothing new on a node, or lift that; Ray has no such mark of its own."""
        with self._desk.changed:
            (self._desk.cordoned.add if cordoned else self._desk.cordoned.discard)(node)

    def close(self, *, wait: bool = True) -> None:
        """Wait for the tasks, then stop deciding; ``wait=False``: withdraw what waits."""
        with self._desk.changed:
            if wait:
                self._desk.changed.wait_for(lambda: self._fault is not None or not self._tasks())
        self._stop.set()
        self._desk.tell()
        if self._thread is not threading.current_thread():
            self._thread.join()
        for one in [one for one in self._desk.open.values() if one.state == "waiting"]:
            one.end(hal.AdapterError(f"{one.job.name}: the scheduler was closed before it had a place"))
        self._desk.later(None)
        self.adapter.close()

    def _tasks(self) -> list[str]:
        return [name for name, one in self._desk.open.items() if isinstance(one, TaskSubmission)]

    def checked(self, job: hal.Job) -> hal.Job:
        """Return a job that can be decided on: what is wrong with it is said here, not in the deciding thread."""
        if self._stop.is_set():
            raise hal.AdapterError("the scheduler is closed") from self._fault
        hal.place(hal.Cluster(), [job], **self._how)
        return job

    def _run(self) -> None:
        try:
            self._loop.run(self._stop, interval=self.adapter.poll)
        except BaseException as error:  # of the policy: nothing would be placed any more
            log.exception("deciding has failed")
            with self._desk.changed:
                self._fault = error
                self._stop.set()
                for one in [one for one in self._desk.open.values() if one.state == "waiting"]:
                    one.end(error)


class Place:
    """Options, ready to decorate with."""

    def __init__(self, of: Scheduler, options: Mapping[str, Any], priority: int, queue: str) -> None:
        self._of, self._options, self._priority, self._queue = of, dict(options), priority, queue

    def __call__(self, target: Any) -> Placed:
        """Return the function or class, to call with ``.remote``."""
        ray = ray_module()
        options, actor = dict(self._options), isinstance(target, type)
        if isinstance(target, ray.remote_function.RemoteFunction):
            options, target = {**target._default_options, **options}, target._function
        elif isinstance(target, ray.actor.ActorClass):
            options = {**target._default_options, **options}
            target, actor = target.__ray_metadata__.modified_class, True
        elif not callable(target):
            raise hal.InvalidModel(f"{target!r:.100}: give a function or a class, plain or remote")
        if not isinstance(options.get("num_returns", 1), int):
            raise hal.InvalidModel(
                f"num_returns = {options['num_returns']!r}: must be a number; generators are Ray's"
            )
        return Placed(self._of, target, options, actor, (self._priority, self._queue))


class Placed:
    """A function or class whose calls hal places."""

    def __init__(
        self, of: Scheduler, target: Any, options: Mapping[str, Any], actor: bool, rank: tuple[int, str]
    ) -> None:
        self._of, self._target, self._options, self._actor, self._rank = (
            of,
            target,
            dict(options),
            actor,
            rank,
        )
        self._name = getattr(target, "__name__", "task")
        convert.job(self._name, self._options)  # wrong options fail where they are written
        self._options["num_cpus"] = 1 if options.get("num_cpus") is None else options["num_cpus"]
        self._remote = ray_module().remote(**self._options)(with_devices(target))

    def remote(self, *args: Any, **named: Any) -> Any:
        """Submit a call: a `TaskSubmission`, or an `ActorSubmission` of a class; never waits.

        Raises
        ------
        AdapterError
            The scheduler is closed.
        InvalidModel
            There is no such queue.
        """
        desk = self._of.adapter.desk
        priority, queue = self._rank
        job = convert.job(desk.name(self._name), self._options, priority=priority, queue=queue)
        self._of.checked(job)
        make = ActorSubmission if self._actor else TaskSubmission
        return make(desk, job, self._remote, (args, named), self._options)

    def __repr__(self) -> str:
        return f"<{self._name}, placed by hal>"
