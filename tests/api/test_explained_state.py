"""What explanations, trials and stale placements say of the state that was met."""

from __future__ import annotations

import numpy as np
import pytest

import hal
from hal.errors import HalError, InvalidModel
from tests.api.clusters import small


def test_what_was_applied_at_once_is_explained_as_it_was_met() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=4), hal.Node("tainted", cpus=4, taints=[hal.Taint("k")])])
    placements = hal.place(cluster, [hal.Job("a", cpus=3), hal.Job("b", cpus=3)], apply=True)
    assert placements.explain("a").feasible == 1
    why = placements.explain("b")
    assert (why.status, why.feasible) == (hal.Status.UNSCHEDULABLE, 0)
    assert why.missing.startswith("2 CPUs on n, or ")  # not the taint alone, which waiting does not cure
    assert hal.explain(cluster, hal.Job("c", cpus=1)).top[0][0] == "n"


@pytest.mark.parametrize("policy", ["fgd", "expected_waste", "0.5*best_fit + fgd"])
def test_what_learns_from_the_seen_is_explained_by_what_it_had_seen(policy: str) -> None:
    cluster = hal.Cluster(
        [hal.Node(f"n{i}", cpus=16, gpus=hal.gpus(1 + 3 * (i % 2), "A100")) for i in range(6)]
    )
    jobs = [
        hal.Job(f"j{i}", cpus=1 + i % 3, gpus=(0.3, 1, 2, 0.5, 0.7)[(i * i + i // 7) % 5]) for i in range(24)
    ]
    placements = hal.place(cluster, jobs, policy)
    after = hal.place(cluster, hal.Job("next", gpus=0.3), policy)[0]
    for answer in placements:
        if answer.placed:
            node, total, _ = placements.explain(answer.job).top[0]
            assert (node, pytest.approx(total, abs=2**-29)) == (answer.nodes[0], answer.scores[0])
    assert hal.place(cluster, hal.Job("next", gpus=0.3), policy)[0] == after


def test_trials_nest_and_end_with_their_block() -> None:
    cluster = small()
    before = cluster.digest()
    with cluster.what_if() as trial:
        hal.place(trial, hal.Job("a", cpus=1), apply=True)
        with trial.what_if() as inner:
            inner.remove("n0", evict=True)
            assert "n0" not in inner
            with pytest.raises(HalError, match="what_if"):
                trial.jobs()
        assert "n0" in trial
        assert trial.jobs() == ["a"]
    assert cluster.digest() == before
    with pytest.raises(HalError, match="over"):
        trial.jobs()
    assert 3 not in cluster


def test_a_trial_that_fails_is_thrown_away_too() -> None:
    cluster = small()
    before = cluster.digest()

    def fail() -> None:
        with cluster.what_if() as trial:
            trial.remove("n1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert cluster.digest() == before


def test_explain_after_another_change_says_what_to_do() -> None:
    cluster = small()
    placements = hal.place(cluster, hal.Job("a", cpus=1))
    cluster.add(hal.Node("late"))
    with pytest.raises(HalError, match="fork"):
        placements.explain("a")
    with pytest.raises(InvalidModel, match="nobody"):
        placements.explain("nobody")


def test_stale_placements_change_nothing() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=2)])
    first, second = (
        hal.place(cluster, [hal.Job(f"{name}1", cpus=1), hal.Job(f"{name}2", cpus=1)]) for name in "ab"
    )
    cluster.apply(first)
    before = cluster.digest()
    with pytest.raises(InvalidModel, match="no longer fits"):
        cluster.apply(second)
    assert cluster.digest() == before
    with pytest.raises(InvalidModel, match="another cluster"):
        small().apply(second)


@pytest.mark.parametrize("booked", ["never", "at once", "later"])
@pytest.mark.parametrize("columns", [False, True])
def test_an_explanation_is_of_the_state_that_was_met(booked: str, columns: bool) -> None:
    cluster = hal.Cluster([hal.Node("n1", cpus=8), hal.Node("n2", cpus=4)])
    job = hal.Job("small", cpus=2)
    jobs = hal.JobColumns.from_shapes(np.zeros(1, np.int32), [job]) if columns else job
    placements = hal.place(cluster, jobs, apply=booked == "at once")
    if booked == "later":
        cluster.apply(placements)
    assert placements.explain(0).nodes == 2
    cluster.add(hal.Node("n3", cpus=2))
    with pytest.raises(hal.HalError, match="has changed since"):
        placements.explain(0)


@pytest.mark.parametrize("policy", ["fgd", "expected_waste", "best_fit"])
def test_what_later_jobs_have_moved_is_told_with_what_was_chosen(policy: str) -> None:
    cluster = hal.Cluster(
        [hal.Node(f"n{i}", cpus=16, gpus=hal.gpus(1 + 3 * (i % 2), "A100")) for i in range(6)]
    )
    jobs = [
        hal.Job(f"j{i}", cpus=1 + i % 3, gpus=(0.3, 1, 2, 0.5, 0.7)[(i * i + i // 7) % 5]) for i in range(24)
    ]
    placements = hal.place(cluster, jobs, policy)
    assert not any(placements.explain(job.name).note for job in jobs)
    cluster.apply(placements)
    other = 0
    for answer in placements:
        told = placements.explain(answer.job)
        if policy == "best_fit" or not answer.placed or answer.job == "j23":
            assert told.note == ""
            continue
        assert (
            f"{answer.nodes[0]} was chosen with {answer.scores[0]:.4g}, by the jobs seen until then"
            in str(told)
        )
        other += told.top[0][0] != answer.nodes[0]
    assert (other > 0) == (policy != "best_fit")  # or the note would say nothing new


def test_amounts_of_one_are_told_as_one() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=4)])
    hal.place(cluster, hal.Job("low", cpus=4), apply=True)
    assert repr(cluster) == "Cluster(1 node, 1 job)"
    assert str(hal.explain(cluster, hal.Job("a", cpus=1))).startswith(
        "a: UNSCHEDULABLE, fits on 0 of 1 node\n"
    )
    assert "stops 1 of 1 job of lower priority" in hal.preempt(cluster, hal.Job("a", cpus=1, priority=1)).why
