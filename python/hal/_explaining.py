"""Lines of an explanation: which running jobs would have to stop, and what later jobs have moved."""

from __future__ import annotations

from typing import Any, Final

from hal import _core
from hal._show import counted
from hal.answer import Status
from hal.policy import Policy

__all__ = ["note_of", "victims_of"]

#: Sets of victims that an explanation tries: it is asked often, and need not be the cheapest.
_EFFORT: Final = 20_000


def victims_of(
    core: Any, job: Any, policy: Policy, queues: _core.QueueTree | None
) -> tuple[str, tuple[str, ...]]:
    """Return what is told of them, and their names; nothing when no job of lower priority runs."""
    plan = _core.preempt(core, job, policy._core, effort=_EFFORT, queues=queues)
    if not plan.candidates:
        return "", ()
    if plan.placement.status[0] != Status.PLACED:
        which = "only job" if plan.candidates == 1 else f"{plan.candidates:,} jobs"
        return f"stopping the {which} of lower priority does not make room", ()
    names = [called or f"#{number}" for number, called, *_ in plan.victims]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    told = f"stopping {shown} would make room ({_running(plan.candidates)})"
    return told, tuple(names)


def _running(count: int) -> str:
    return f"{counted(count, 'job')} of lower priority {'runs' if count == 1 else 'run'}"


def note_of(core: Any, result: Any, line: int, policy: Policy) -> str:
    """Tell of scores that later jobs have moved: the core counts what was asked for, and forgets none of it."""
    if not result.applied or result.status[line] != Status.PLACED or line + 1 == len(result.status):
        return ""
    if not any(getattr(scorer, "typical", None) == "seen" for scorer in policy.scorers):
        return ""
    first = int(result.task_begin[line])
    node = core.name_of(int(result.node[first]))
    return (
        f"{node} was chosen with {float(result.score[first]):.4g}, by the jobs seen until then; "
        "the scores here are by the later ones too"
    )
