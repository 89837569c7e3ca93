"""The answers of one ``hal.place`` call, in columns and as objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import whole
from hal._explaining import note_of, victims_of
from hal._show import show
from hal.answer import Explanation, Placement, Status
from hal.errors import HalError, InvalidModel
from hal.job_columns import JobColumns
from hal.missing import from_core

if TYPE_CHECKING:
    from hal.cluster import Cluster
    from hal.model import Job
    from hal.policy import Policy

__all__ = ["Placements"]


class Placements(Sequence[Placement]):
    """Answers in the order in which the jobs were given; objects are built when looked at.

    The columns are views of the core's result, in the order of decision: the given order unless ``order=`` named
    another, when `row` says which job each line is.

    Attributes
    ----------
    policy : Policy
        What decided.
    """

    __slots__ = ("__dict__", "_booked", "_handle", "_jobs", "_order", "_queues", "_result", "policy")

    def __init__(
        self,
        cluster: Cluster,
        jobs: Sequence[Job] | JobColumns,
        result: Any,
        policy: Policy,
        order: NDArray[np.int64] | None = None,
        queues: _core.QueueTree | None = None,
        applied: bool = False,
    ) -> None:
        self._handle = cluster._core
        self._jobs = jobs  # in the order of decision
        self._result = result
        self._order = order
        self._booked: int | None = self._handle.version if applied else None  # the cluster's, then
        self._queues = queues
        self.policy = policy

    # ---- columns -------------------------------------------------------------------------------------

    @property
    def status(self) -> NDArray[np.uint8]:
        """(jobs,) uint8, `Status` of each job in the order of decision."""
        column: NDArray[np.uint8] = self._result.status
        return column

    @property
    def task_begin(self) -> NDArray[np.int64]:
        """(jobs + 1,) int64: the tasks of job i are ``task_begin[i]:task_begin[i + 1]``."""
        column: NDArray[np.int64] = self._result.task_begin
        return column

    @property
    def node(self) -> NDArray[np.int32]:
        """(tasks,) int32, node index, -1 where not placed."""
        column: NDArray[np.int32] = self._result.node
        return column

    @property
    def gpu_mask(self) -> NDArray[np.uint64]:
        """(tasks,) uint64, bit i set: device i of the node."""
        column: NDArray[np.uint64] = self._result.gpus
        return column

    @property
    def score(self) -> NDArray[np.float64]:
        """(tasks,) float64, score of the chosen node."""
        column: NDArray[np.float64] = self._result.score
        return column

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """(jobs,) int64, given row of the i-th decision."""
        return np.arange(len(self._jobs)) if self._order is None else self._order

    def counts(self) -> dict[Status, int]:
        """How many jobs have each status."""
        counted = Counter(self.status.tolist())
        return {status: counted[status] for status in Status}

    # ---- objects -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._jobs)

    @overload
    def __getitem__(self, index: int) -> Placement: ...
    @overload
    def __getitem__(self, index: slice) -> list[Placement]: ...
    def __getitem__(self, index: int | slice) -> Placement | list[Placement]:
        if isinstance(index, slice):
            return [self._build(row) for row in range(*index.indices(len(self)))]
        if not isinstance(index, (int, np.integer)):
            raise InvalidModel(
                f'index = {show(index)}: must be a whole number or a slice; find("name") looks by name'
            )
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(f"placement {index} of {len(self)}")
        return self._build(row)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status.name}" for status, count in self.counts().items() if count)
        return f"Placements({counts or 'no jobs'})"

    def find(self, job: str) -> Placement:
        """Return the answer for the job of that name.

        Raises
        ------
        InvalidModel
            It was not among the jobs.
        """
        return self[self._given(job)]

    def explain(self, job: str | int, *, top: int = 5) -> Explanation:
        """Say why a job went where it did, or nowhere, on the state that it met when its turn came.

        Works on the unchanged cluster and on one that had these placements applied and nothing else since.

        Parameters
        ----------
        job : str or int
            Name, or index in the given order.
        top : int
            How many of the best nodes to show with the parts of their scores.

        Raises
        ------
        InvalidModel
            It was not among the jobs.
        HalError
            The cluster has changed since, so that its state then is gone.

        Notes
        -----
        O(nodes), plus O(jobs) to go back to the state that the job met. Ask before applying when the policy learns its
        typical tasks from what was seen (`hal.policies.Fgd`, `hal.policies.ExpectedWaste` without ``typical``): what
        had been seen when the job came up is then told exactly. Once they are applied, what was asked for
        later counts in the scores as well, so that another node may lead them than the one that was chosen; a
        ``note`` of the explanation then says what was chosen, and with which score.
        """
        line = self._line(self._given(job))
        if (top := whole(top, "top")) < 0:
            raise InvalidModel(f"top = {top}: must be 0 or more")
        core = self._handle
        if core.version != (self._result.version if self._booked is None else self._booked):
            raise HalError(
                "the cluster has changed since these placements were made, so the state they met is gone; "
                "call explain() before changing it, or place on cluster.fork() and keep that"
            )
        # The state that a job met is the one after the decisions before it.
        mark = core.mark()
        try:
            if self._result.applied:
                later = self._result.ids[line:]
                core.release_ids(np.ascontiguousarray(later[later >= 0]))
            else:
                _core.book_before(core, self._result, line)
            asked = self._core_job(line)
            told = _core.explain(core, asked, self.policy._core, top, self._queues)
            change, preemption = None, ""
            victims: tuple[str, ...] = ()
            if self.status[line] != Status.PLACED:
                change = from_core(
                    _core.missing(core, asked, self.policy._core),
                    self._least(line, asked.tasks),
                    quota=told["block"],
                    level=self._level(line),
                )
                preemption, victims = victims_of(core, asked, self.policy, self._queues)
        finally:
            core.rollback(mark)
        status = Status(int(self.status[line]))
        names = [scorer.name for scorer in self.policy.scorers]
        return Explanation(
            job=self._name(line),
            status=status,
            nodes=told["nodes"],
            feasible=told["feasible"],
            reasons=dict(told["reasons"]),
            top=tuple(
                (node, total, dict(zip(names, parts, strict=True))) for node, total, parts in told["top"]
            ),
            missing=told["quota"] or str(change or ""),
            change=change,
            preemption=preemption,
            victims=victims,
            note=note_of(core, self._result, line, self.policy),
        )

    # ---- inside --------------------------------------------------------------------------------------

    def _apply(self, cluster: Cluster) -> NDArray[np.int64]:
        if cluster._core is not self._handle:
            raise InvalidModel("placements: were made on another cluster; place on the one that is to change")
        _core.apply(self._handle, self._result)
        self._booked = self._handle.version
        ids: NDArray[np.int64] = self._result.ids
        return ids if self._order is None else ids[self._line_of]

    def _least(self, line: int, tasks: int) -> dict[str, int]:
        """Role → the tasks of it that the job needs."""
        return {"": tasks} if isinstance(self._jobs, JobColumns) else self._jobs[line]._least()

    def _level(self, line: int) -> str:
        """Return the level of the topology that the tasks must share a domain of."""
        if isinstance(self._jobs, JobColumns) or (gang := self._jobs[line].gang) is None:
            return ""
        return gang.required or ""

    @cached_property
    def _line_of(self) -> NDArray[np.int64]:
        return np.argsort(self.row)

    def _line(self, row: int) -> int:
        return row if self._order is None else int(self._line_of[row])

    @cached_property
    def _rows_by_name(self) -> dict[str, int]:
        return {self._name(line): int(row) for line, row in enumerate(self.row.tolist())}

    def _given(self, job: str | int) -> int:
        if isinstance(job, str):
            if job not in self._rows_by_name:
                raise InvalidModel(f"job = {job!r}: was not among the {len(self)} jobs placed")
            return self._rows_by_name[job]
        if not isinstance(job, (int, np.integer)):
            raise InvalidModel(f"job = {show(job)}: must be a job's name, or which placement it is")
        if not -len(self) <= job < len(self):
            raise InvalidModel(f"job = {job!r}: there are {len(self)} placements, 0 … {len(self) - 1}")
        return job % len(self)

    def _name(self, line: int) -> str:
        return f"#{self.row[line]}" if isinstance(self._jobs, JobColumns) else self._jobs[line].name

    def _core_job(self, line: int) -> Any:
        jobs = self._jobs
        if not isinstance(jobs, JobColumns):
            return jobs[line]._handle
        tasks = 1 if jobs.tasks is None else int(jobs.tasks[line])
        of = -1 if jobs.traits is None else int(jobs.traits[line])
        return _core.Job(
            self._name(line),
            jobs.shapes[int(jobs.shape[line])],
            tasks,
            traits=None if of < 0 else jobs.all_traits[of],
        )

    def _build(self, row: int) -> Placement:
        line = self._line(row)
        status = Status(int(self.status[line]))
        if status is not Status.PLACED:
            return Placement(self._name(line), status, (), (), ())
        tasks = slice(int(self.task_begin[line]), int(self.task_begin[line + 1]))
        return Placement(
            self._name(line),
            status,
            tuple(self._handle.name_of(node) for node in self.node[tasks].tolist()),
            tuple(_devices(mask) for mask in self.gpu_mask[tasks].tolist()),
            tuple(self.score[tasks].tolist()),
            tuple(self._starts[task] for task in range(tasks.start, tasks.stop) if task in self._starts),
            self._roles(line, tasks),
        )

    def _roles(self, line: int, tasks: slice) -> tuple[str, ...]:
        if isinstance(self._jobs, JobColumns) or (gang := self._jobs[line].gang) is None:
            return ()
        names = [self._jobs[line].name, *(role.name for role in gang.roles)]
        return tuple(names[role] for role in self._result.role[tasks].tolist())

    @cached_property
    def _starts(self) -> dict[int, int]:
        return dict(self._result.starts)


def _devices(mask: int) -> tuple[int, ...]:
    return tuple(index for index in range(mask.bit_length()) if mask >> index & 1)
