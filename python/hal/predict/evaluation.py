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

__all__ = ["SETTING", "Evaluation", "accuracy", "evaluate"]

#: The one setting for all logs, chosen on KTH-SP2 and SDSC-SP2 (docs/explanation/runtime-prediction.md says how).
SETTING: Final = {"order": "aged_sjf", "backfill": "easy", "correct": "requested"}

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
        Mean of min(predicted, run) / max(predicted, run), 0 to 1; seconds below 1 count as 1.
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
        options = _QUEUES[name] if name in _QUEUES else {**SETTING, "predict": Predictor(name)}
        run = replay_queue(workload, **options)
        bsld = float(run.bounded_slowdown().mean())
        answers.append(
            Evaluation(
                workload.name,
                name,
                len(workload),
                accuracy(run.first_guess, workload.run),
                float(np.abs(run.first_guess - workload.run).mean()),
                bsld,
                bsld / (answers[0].bsld if answers else bsld),
                float(run.wait.max()),
            )
        )
    return answers
