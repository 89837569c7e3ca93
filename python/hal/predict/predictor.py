"""A predictor that learns while it is used: live, or within a replay."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal.errors import HalError, InvalidModel
from hal.predict.baselines import BASELINES
from hal.predict.drift import Drift, drift
from hal.predict.features import ANCHOR, FEATURES, REQUEST, Rows
from hal.predict.model import Model
from hal.predict.model_store import ModelStore

__all__ = ["PREDICTORS", "Predictor", "RuntimeGuess"]

#: Names for `Predictor` and ``hal replay swf --predict``.
PREDICTORS: Final = (*BASELINES, "boosting", "forest")


class RuntimeGuess(NamedTuple):
    """What is believed of a job's runtime, in seconds, each at most the request.

    Attributes
    ----------
    low, middle, high : int
        A quarter of the jobs are to end within ``low`` and four fifths within ``high``.
    """

    low: int
    middle: int
    high: int


class Predictor:
    """Guesses runtimes at submission from what has ended by then.

    Until jobs of a user have ended, all answers are the request. Until there is a model, the middle is the baseline
    ``"similar"`` and the high answer the request. A model is trained when the first 500 jobs have ended and again
    whenever half as many more have (at most every ``patience`` jobs); at every 500 ends it is tested against
    ``"similar"`` on jobs it had not seen, and laid down when it has become worse: the one before it is taken up
    again if that one still passes.

    Parameters
    ----------
    kind : str
        ``"boosting"`` or ``"forest"``, or one of `hal.predict.BASELINES`, for which nothing is learned.
    memory : int
        Jobs that are kept to learn from, those that ended last.
    patience : int
        Ends after which a model is trained anew at the latest.
    background : bool
        Train in a thread of its own; else the call that is due waits, and replays are reproducible.
    store : ModelStore, optional
        Where models are kept; its current one is used from the start if it can be read.
    hold, fill, rank : {"low", "middle", "high"}
        Which answer a queue uses to reserve beside running jobs, to fill gaps, and to compare jobs.
    seed : int
        For training.

    Raises
    ------
    InvalidModel
        An unknown kind or use.
    MissingExtra
        On training without scikit-learn and skl2onnx, on using a model without onnxruntime.
    """

    def __init__(
        self,
        kind: str = "boosting",
        *,
        memory: int = 10_000,
        patience: int = 20_000,
        background: bool = False,
        store: ModelStore | None = None,
        hold: str = "middle",
        fill: str = "middle",
        rank: str = "middle",
        seed: int = 0,
    ) -> None:
        if kind not in PREDICTORS:
            raise InvalidModel(f"predictor: unknown kind {kind!r}; use {', '.join(PREDICTORS)}")
        if memory < 500 or patience < 500:
            raise InvalidModel(f"predictor: memory is {memory} and patience {patience}; give at least 500")
        for name, use in (("hold", hold), ("fill", fill), ("rank", rank)):
            if use not in RuntimeGuess._fields:
                raise InvalidModel(f"predictor: {name} is {use!r}; use {', '.join(RuntimeGuess._fields)}")
        self.kind = kind
        self.last_test: Drift | None = None  #: outcome of the last drift test
        self.trained = 0  #: models trained
        self.laid_down = 0  #: models found to have become worse than the baseline
        self.training_error: HalError | None = None  #: why the last training failed
        self._uses = tuple(RuntimeGuess._fields.index(use) for use in (hold, fill, rank))
        self._baseline = BASELINES.get(kind, BASELINES["similar"])
        self._learns = kind not in BASELINES
        self._patience, self._background, self._store, self._seed = patience, background, store, seed
        self._history = _core.JobHistory(memory)
        self._model: Model | None = None
        self._before: Model | None = None
        self._thread: threading.Thread | None = None
        self._next_training = self._next_test = 500
        self._fresh_from = 0  # jobs that ended before were seen in training
        self._row: Rows = np.zeros((1, len(FEATURES)), dtype=np.float32)
        self._ids: dict[str, int] = {}
        self._count = 0
        self._users: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        if self._learns and store is not None and store.current is not None:
            self._model = store.load()

    @property
    def model(self) -> Model | None:
        """The model in use; None as long as the baseline answers."""
        return self._model

    # --- live ---------------------------------------------------------------------------------------------

    def submitted(
        self, now: int, job: str, *, requested: int, procs: int = 1, user: str = ""
    ) -> RuntimeGuess:
        """Return what is believed of a job that is submitted now.

        Parameters
        ----------
        now : int
            Seconds.
        job : str
            A name, unique among jobs that have not ended.
        requested : int
            Time limit, seconds, at least 1.
        procs : int
            Processors, at least 1.
        user : str
            Whose job.

        Raises
        ------
        InvalidModel
            The name is taken, or a number is out of range.
        """
        if job in self._ids:
            raise InvalidModel(f"job {job!r} is known already; report its end first")
        if not 1 <= requested < 2**31 - 1 or not 1 <= procs < 2**31 - 1:
            raise InvalidModel(f"job {job!r}: requested is {requested} and procs {procs}; give at least 1")
        number = self._users.setdefault(user, len(self._users))
        self._history.submitted(self._count, now, requested, procs, number, self._row)
        self._ids[job] = self._count
        self._count += 1
        low, middle, high = self._guess(requested, number, self._row)
        return RuntimeGuess(low, middle, high)

    def guess(
        self, now: int, job: str, *, requested: int, procs: int = 1, user: str = ""
    ) -> tuple[int, int, int]:
        """Return what a queue plans by for a job that is submitted now: to hold, to fill and to rank by, seconds.

        As `submitted`, of whose answers it picks those that ``hold``, ``fill`` and ``rank`` name.
        """
        answer = self.submitted(now, job, requested=requested, procs=procs, user=user)
        hold, fill, rank = self._uses
        return answer[hold], answer[fill], answer[rank]

    def started(self, now: int, job: str) -> None:
        """Tell that a job has started."""
        self._history.started(self._id(job), now)
        self._starts[job] = now

    def finished(self, now: int, job: str) -> None:
        """Tell that a job has ended; its runtime is what has passed since its start."""
        number = self._id(job)
        if job not in self._starts or now < self._starts[job]:
            raise InvalidModel(f"job {job!r} cannot end at {now}: report its start, at that time or before")
        self._history.finished(number, now, now - self._starts[job])
        del self._ids[job], self._starts[job]

    def withdrawn(self, job: str) -> None:
        """Tell that a waiting job will not start, or that a running one was stopped: nothing is learned from it."""
        self._history.withdrawn(self._id(job))
        self._starts.pop(job, None)
        del self._ids[job]

    def wait_for_training(self) -> None:
        """Wait until a training in the background has ended, if one is on."""
        if self._thread is not None:
            self._thread.join()

    def samples(self) -> tuple[Rows, NDArray[np.int64], NDArray[np.int64]]:
        """Return features, runtimes and requests (seconds) of the jobs that ended last, oldest first."""
        return self._history.samples()

    # --- in a replay --------------------------------------------------------------------------------------

    def for_replay(self) -> tuple[_core.JobHistory, Callable[[int, int, int, Any], tuple[int, int, int]]]:
        """Return what `hal.replay.replay_queue` needs; a predictor serves one replay, from the beginning on."""
        if self._history.ended or self._count:
            raise InvalidModel("predictor: it has been used already; make another for another replay")
        hold, fill, rank = self._uses

        def guess(now: int, requested: int, user: int, row: Any) -> tuple[int, int, int]:
            answer = self._guess(requested, user, row)
            return answer[hold], answer[fill], answer[rank]

        return self._history, guess

    # --- guessing and learning ----------------------------------------------------------------------------

    def _guess(self, requested: int, user: int, row: Rows) -> tuple[int, int, int]:
        if self._learns and self._history.ended >= self._next_test:
            self._look_back()
        if not self._history.knows(user):
            return requested, requested, requested
        model = self._model
        if model is None:
            middle = min(requested, max(1, round(math.exp(self._baseline(row)[0]))))
            return middle, middle, requested
        low, middle_, high = model.predict_one(row)
        return (
            min(requested, round(math.exp(low))),
            min(requested, round(math.exp(middle_))),
            min(requested, round(math.exp(high))),
        )

    def _look_back(self) -> None:
        """Test the model on what has ended since it was trained, and train anew when that is due."""
        ended = self._history.ended
        self._next_test = ended + 500
        self._test(ended)
        busy = self._thread is not None and self._thread.is_alive()
        if ended < self._next_training or busy:
            return
        self._next_training = ended + min(self._patience, max(500, ended // 2))
        rows, run, _ = self._history.samples()
        if self._background:
            self._thread = threading.Thread(target=self._train, args=(rows, run, ended), daemon=True)
            self._thread.start()
        else:
            self._train(rows, run, ended)
            if self.training_error is not None:
                raise self.training_error

    def _test(self, ended: int) -> None:
        fresh = min(ended - self._fresh_from, 2000)
        if self._model is None or fresh < 300:
            return
        rows, run, _ = self._history.samples()
        rows, run = rows[-fresh:], run[-fresh:]
        truth = np.log(np.maximum(np.minimum(run, np.exp(rows[:, REQUEST].astype(np.float64))), 1.0))

        def outcome(model: Model) -> Drift:
            return drift(model.predict(rows)[:, 1], rows[:, ANCHOR], truth)

        self.last_test = outcome(self._model)
        if not self.last_test.drifted:
            return
        self.laid_down += 1
        self._next_training = ended
        self._model, self._before = self._before, None
        if self._model is not None and outcome(self._model).drifted:
            self._model = None
        elif self._model is not None and self._store is not None and len(self._store.versions) > 1:
            self._store.rollback()

    def _train(self, rows: Rows, run: Any, ended: int) -> None:
        try:
            from hal.predict.train import train

            model = Model(train(rows, run, kind=self.kind, seed=self._seed))
            if self._store is not None:
                self._store.save(model)
        except HalError as error:  # the model in use goes on being used
            self.training_error = error
            return
        self.training_error = None
        self._before, self._model = self._model, model
        self._fresh_from = ended
        self.trained += 1

    def _id(self, job: str) -> int:
        if job not in self._ids:
            raise InvalidModel(f"job {job!r} is not known; report its submission first")
        return self._ids[job]
