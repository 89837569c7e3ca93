"""What an evaluation says of a predictor."""

from __future__ import annotations

import numpy as np
import pytest

from hal.predict import USES, Predictor, accuracy, evaluate
from hal.replay import Workload, replay_queue


def test_accuracy_is_that_of_the_middle_answer_whatever_the_queue_uses() -> None:
    random = np.random.default_rng(5)
    count = 600
    workload = Workload.from_columns(
        submit=np.sort(random.integers(0, 10**6, count)),
        run=random.integers(1, 3000, count),
        procs=random.integers(1, 4, count),
        requested=random.integers(3000, 4000, count),
        user=random.integers(0, 6, count),
        processors=4 * count,  # nobody waits, so every queue sees the same jobs end
        name="wide",
    )
    middle = replay_queue(
        workload, order="aged_sjf", predict=Predictor("similar", hold="middle", fill="middle")
    )
    told = {row.name: row for row in evaluate(workload, ["similar"])}["similar"]
    assert told.accuracy == pytest.approx(accuracy(middle.first_guess, workload.run), abs=0)
    assert USES["hold"] != "middle"  # or this test would say nothing
    high = replay_queue(workload, order="aged_sjf", predict=Predictor("similar", hold="high"))
    assert accuracy(high.first_guess, workload.run) < told.accuracy
