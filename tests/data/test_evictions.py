"""Staging plans that may evict, against the plain twin and a checker of every step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.data import Cache, CacheTree, ContentMap, StagingJob, plan_staging
from hal.errors import InvalidModel
from tests.data import staging_twin as twin
from tests.data.data_strategies import trees
from tests.data.plain_content import PlainContent
from tests.data.test_staging import planned, rows


@st.composite
def crowded(draw: st.DrawFn) -> tuple[PlainContent, list[twin.Job], set[int]]:
    """Most caches are full of copies that there are elsewhere too, and few datasets are asked for."""
    tree = draw(trees(max_size=6))
    n = len(tree.parent)
    tree.capacity[:] = draw(st.lists(st.sampled_from([40, 60, 90]), min_size=n, max_size=n))
    content = PlainContent(tree)
    for dataset, size in enumerate([0, 7, 14, 14, 30, 31]):
        for cache in draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n)):
            content.add(dataset, cache, size)
    known = sorted(d for d in content.held if content.held[d])
    job = st.builds(
        twin.Job,
        st.integers(0, n - 1),
        st.sampled_from([0, 15_000, 60_000, 10**6]),
        st.sampled_from([1, 1, 5]),
        st.lists(st.sampled_from(known or [0]), min_size=1, max_size=2).map(tuple),
    )
    keep = draw(st.sets(st.sampled_from(known or [0]), max_size=1))
    return content, draw(st.lists(job, min_size=1, max_size=4)), keep


@given(crowded(), st.booleans())
def test_agrees_with_the_twin_and_each_step_can_be_made(
    problem: tuple[PlainContent, list[twin.Job], set[int]], money: bool
) -> None:
    content, jobs, keep = problem
    plan = planned(content, jobs, money=money, evict=True, keep=[f"d{d}" for d in keep])
    evictions = list(
        zip(plan.evicted.tolist(), plan.evicted_from.tolist(), plan.evicted_at.tolist(), strict=True)
    )
    shelves = twin.Shelves(content, jobs, keep, money=money)
    assert rows(plan) == twin.plan(content, jobs, money=money, shelves=shelves)
    assert sorted((d, c) for d, c, _ in evictions) == sorted(shelves.gone)
    assert plan.evicted_bytes.tolist() == [content.size[d] for d, *_ in evictions]
    assert plan.evicted_at.tolist() == sorted(plan.evicted_at.tolist())
    assert not {d for d, *_ in evictions} & (keep | {d for job in jobs for d in job.inputs})
    twin.check(content, rows(plan), evictions)
    for k in range(len(evictions)):  # none is needless, and none could have waited for a later move
        at = [m.begin for m in rows(plan) if m.target == evictions[k][1] and m.begin > evictions[k][2]]
        later = (*evictions[k][:2], min(at)) if at else None
        with pytest.raises(AssertionError):
            twin.check(
                content, rows(plan), [*evictions[:k], *([later] if later else []), *evictions[k + 1 :]]
            )


def crowded_node() -> ContentMap:
    tree = CacheTree(
        [
            Cache(name="origin", capacity="1TB"),
            Cache(name="rack", parent="origin", capacity="200GB", bandwidth="1GB/s"),
            Cache(name="node", parent="rack", capacity="100GB", bandwidth="10GB/s"),
        ]
    )
    content = ContentMap(tree)
    content.replace("origin", {"weights": "40GB", "old": "30GB", "older": "30GB"})
    content.replace("rack", {"older": "30GB"})
    content.replace("node", {"old": "30GB", "older": "30GB", "scratch": "30GB"})
    return content


JOB = StagingJob(name="train", cache="node", start="1h", inputs=["weights"])


def test_what_is_back_soonest_goes_first_and_no_last_copy_goes() -> None:
    content = crowded_node()
    assert [content.tree.names[t] for t in plan_staging(content, [JOB]).target] == ["rack"]
    plan = plan_staging(content, [JOB], evict=True)
    assert plan.wait_after.tolist() == [0]
    assert [content.name(d) for d in plan.evicted] == ["older"]  # the rack has it too
    assert "older: evicted from node" in str(plan).splitlines()[0]
    kept = plan_staging(content, [JOB], evict=True, keep=["older"])
    assert [content.name(d) for d in kept.evicted] == ["old"]
    none = plan_staging(content, [JOB], evict=True, keep=["older", "old"])  # scratch is nowhere else
    assert (len(none.evicted), none.wait_after.tolist()) == (0, [4_000_000])


def test_what_a_job_reads_stays() -> None:
    content = crowded_node()
    reader = StagingJob(name="reader", cache="node", start="2h", inputs=["older"])
    plan = plan_staging(content, [JOB, reader], evict=True)
    assert [content.name(d) for d in plan.evicted] == ["old"]


def test_an_unknown_dataset_to_keep() -> None:
    with pytest.raises(InvalidModel, match="keep: dataset 'oldest': unknown"):
        plan_staging(crowded_node(), [JOB], evict=True, keep=["oldest"])
