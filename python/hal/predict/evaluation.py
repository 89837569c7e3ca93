"""What predictions are worth on a log: how close they come, and what schedules they buy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal.errors import InvalidModel
from hal.predict.predictor import PREDICTORS, Predictor
from hal.replay import Workload, replay_queue

__all__ = ["SETTING", "USES", "Evaluation", "accuracy", "evaluate"]

#: The one setting for all logs, chosen on KTH-SP2 and SDSC-SP2 (docs/explanation/runtime-prediction.md says how).
SETTING: Final[dict[str, Any]] = {"order": "aged_sjf", "backfill": "easy", "correct": "requested"}
#: Which answers of a predictor it uses for what, chosen likewise: see `Predictor`.
USES: Final = {"hold": "high", "fill": "low", "rank": "middle"}

_QUEUES: Final[dict[str, dict[str, Any]]] = {
    "EASY": {"predict": "requested"},
    "EASY++": {"backfill": "easy_sjbf", "predict": "last_two"},
    "Tsafrir, revert, SJBF": {"backfill": "easy_sjbf", "predict": "last_two", "correct": "requested"},
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One way to schedule one log.

    Attributes
    ----------
    log, name : str
        Which log, and which way: a published algorithm, or a predictor under `SETTING`.
    jobs : int
        Of the log.
    accuracy : float
        Mean of min(predicted, run) / max(predicted, run), 0 to 1, of the middle answer; seconds below 1 count as 1.
    mae : float
        Mean absolute error, seconds.
    bsld : float
        Mean bounded slowdown (10 s).
    ratio : float
        ``bsld`` over that of EASY with requested times.
    wait_max : float
        Longest wait, seconds.
    """

    log: str
    name: str
    jobs: int
    accuracy: float
    mae: float
    bsld: float
    ratio: float
    wait_max: float

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)


class _Told:
    """A predictor under `USES` that remembers its middle answers, in the order of submission: the workload's."""

    def __init__(self, kind: str) -> None:
        self.middles: list[int] = []
        self._whole = Predictor(kind, hold="low", fill="middle", rank="high")
        self._order = [("low", "middle", "high").index(USES[use]) for use in ("hold", "fill", "rank")]

    def for_replay(self) -> tuple[Any, Callable[[int, int, int, Any], tuple[int, int, int]]]:
        history, guess = self._whole.for_replay()

        def told(now: int, requested: int, user: int, row: Any) -> tuple[int, int, int]:
            answers = guess(now, requested, user, row)
            self.middles.append(answers[1])
            hold, fill, rank = (answers[use] for use in self._order)
            return hold, fill, rank

        return history, told


def accuracy(predicted: ArrayLike, run: ArrayLike) -> float:
    """Return the mean of min(predicted, run) / max(predicted, run); seconds below 1 count as 1."""
    guess: NDArray[np.float64] = np.maximum(np.asarray(predicted, dtype=np.float64), 1.0)
    ran: NDArray[np.float64] = np.maximum(np.asarray(run, dtype=np.float64), 1.0)
    if guess.shape != ran.shape or not guess.size:
        raise InvalidModel(f"accuracy: shapes {guess.shape} and {ran.shape}; give one prediction a run")
    return float((np.minimum(guess, ran) / np.maximum(guess, ran)).mean())


def evaluate(
    workload: Workload,
    predictors: Sequence[str] = ("request", "last_two", "similar", "boosting"),
    *,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Evaluation]:
    """Replay a log under the published algorithms, and under `SETTING` with each predictor.

    Every predictor learns from scratch, in the replay, from jobs that have ended in that replay.

    Parameters
    ----------
    workload : Workload
        At least one job, on a machine of known size.
    predictors : sequence of str
        Of `hal.predict.PREDICTORS`.
    progress : callable
        Told the name of each replay before it begins.

    Raises
    ------
    InvalidModel
        An unknown predictor.
    MissingExtra
        A predictor that learns, without the extra ``[ml]``.
    """
    for name in predictors:
        if name not in PREDICTORS:
            raise InvalidModel(f"predictor: unknown kind {name!r}; use {', '.join(PREDICTORS)}")
    answers: list[Evaluation] = []
    for name in (*_QUEUES, *predictors):
        progress(name)
        if name in _QUEUES:
            run = replay_queue(workload, **_QUEUES[name])
            guess = run.first_guess
        else:
            told = _Told(name)
            run = replay_queue(workload, **SETTING, predict=told)
            guess = np.array(told.middles)
        bsld = float(run.bounded_slowdown().mean())
        answers.append(
            Evaluation(
                workload.name,
                name,
                len(workload),
                accuracy(guess, workload.run),
                float(np.abs(guess - workload.run).mean()),
                bsld,
                bsld / (answers[0].bsld if answers else bsld),
                float(run.wait.max()),
            )
        )
    return answers
