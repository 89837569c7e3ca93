"""Totals that are nearer than decisions can tell apart are ties in explanations too."""

from __future__ import annotations

import numpy as np
import pytest

import hal


class Named:
    """Scores nodes by what it was given."""

    name = "named"

    def __init__(self, scores: list[float]) -> None:
        self.scores = np.array(scores)

    def score(self, job: object, nodes: hal.candidates.Candidates) -> np.ndarray:
        return self.scores[nodes.index]


@pytest.mark.parametrize("tie_seed", [None, 1, 2, 3])
@pytest.mark.parametrize("scores", [[0.5, 0.5 + 1e-12, 0.5 - 1e-12], [0.2, 0.7, 0.7 + 1e-11]])
def test_the_best_explained_is_the_one_chosen(scores: list[float], tie_seed: int | None) -> None:
    cluster = hal.Cluster([hal.Node(f"n{index}", cpus=4) for index in range(3)])
    policy = hal.Policy({Named(scores): 1.0}, tie_seed=tie_seed)
    answers = hal.place(cluster, hal.Job("a", cpus=1), policy)
    assert answers.explain("a").top[0][0] == answers[0].nodes[0]
