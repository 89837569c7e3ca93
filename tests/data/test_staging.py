"""Staging plans against the plain twin, a checker, and small cases worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.data import Cache, CacheTree, ContentMap, StagingJob, StagingPlan, plan_staging
from hal.errors import InvalidModel
from tests.data import staging_twin as twin
from tests.data.data_strategies import DATASETS, built, trees
from tests.data.plain_content import PlainContent


@st.composite
def problems(draw: st.DrawFn) -> tuple[PlainContent, list[twin.Job]]:
    """Few caches hold something, most jobs want something, and time and room are just short enough."""
    tree = draw(trees(max_size=7))
    n = len(tree.parent)
    tree.capacity[:] = draw(st.lists(st.sampled_from([20, 60, 10**6]), min_size=n, max_size=n))
    caches = st.integers(0, n - 1)
    content = PlainContent(tree)
    for dataset, size in enumerate([0, 7, 14, 14, 30, 31]):
        for cache in draw(st.lists(caches, min_size=1, max_size=2)):
            content.add(dataset, cache, size)
    job = st.builds(
        twin.Job,
        caches,
        st.sampled_from([0, 15_000, 30_000, 60_000, 10**6]),
        st.sampled_from([0, 1, 1, 5]),
        st.lists(st.integers(0, DATASETS - 1), min_size=1, max_size=4).map(tuple),
    )
    return content, draw(st.lists(job, max_size=8))


def planned(
    plain: PlainContent,
    jobs: list[twin.Job],
    *,
    money: bool,
    evict: bool = False,
    keep: Iterable[str] = (),
) -> StagingPlan:
    tree = built(plain.tree)
    content = ContentMap(tree)
    content.intern([f"d{d}" for d in range(DATASETS)])
    for dataset, caches in plain.held.items():
        for cache in caches:
            content.add(f"d{dataset}", str(cache), plain.size[dataset])
    return plan_staging(
        content,
        [
            StagingJob(
                name=str(i),
                cache=str(job.cache),
                start=job.start / 1e6,
                inputs=[f"d{d}" for d in job.inputs],
                weight=job.weight,
            )
            for i, job in enumerate(jobs)
        ],
        value="money" if money else "seconds",
        evict=evict,
        keep=keep,
    )


def rows(plan: StagingPlan) -> list[twin.Move]:
    columns = (
        plan.dataset,
        plan.source,
        plan.target,
        plan.begin,
        plan.end,
        plan.bytes,
        plan.cost,
        plan.benefit,
    )
    return [twin.Move(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


@given(problems(), st.booleans())
def test_agrees_with_the_twin_and_can_be_carried_out(
    problem: tuple[PlainContent, list[twin.Job]], money: bool
) -> None:
    content, jobs = problem
    plan = planned(content, jobs, money=money)
    moves = rows(plan)
    assert moves == twin.plan(content, jobs, money=money)
    twin.check(content, moves)
    before, after = [], []
    for job, row in ((job, i) for i, job in enumerate(jobs)):
        mine = [d for j, d in twin.wants(content, jobs) if j == row]
        before.append(sum(twin.fetch(content, job, d, [])[0] for d in mine))
        after.append(sum(twin.fetch(content, job, d, moves)[0] for d in mine))
    assert plan.wait_before.tolist() == before
    assert plan.wait_after.tolist() == after
    if money:
        paid = (plan.cost_before - plan.cost_after).sum() - sum(m.cost for m in moves)
        assert plan.saved_money == pytest.approx(paid / 1e6)
    else:
        saved = (
            (plan.wait_before - plan.wait_after) * [job.weight for job in jobs] if jobs else plan.wait_before
        )
        assert int(saved.sum()) >= sum(m.benefit for m in moves)  # jobs beside the target may gain too


@pytest.fixture
def content() -> ContentMap:
    tree = CacheTree(
        [
            Cache(name="origin", capacity="1TB"),
            Cache(name="rack", parent="origin", capacity="100GB", bandwidth="1GB/s", egress=0.05),
            Cache(name="n1", parent="rack", capacity="50GB", bandwidth="10GB/s"),
            Cache(name="n2", parent="rack", capacity="50GB", bandwidth="10GB/s"),
        ]
    )
    content = ContentMap(tree)
    content.replace("origin", {"weights": "40GB", "text": "60GB"})
    return content


def job(**changes: object) -> StagingJob:
    return StagingJob(**{"name": "train", "cache": "n1", "start": "1h", "inputs": ["weights"], **changes})


def test_one_copy_per_rack_when_money_counts(content: ContentMap) -> None:
    plan = plan_staging(content, [job(), job(name="other", cache="n2")], value="money")
    assert [content.tree.names[t] for t in plan.target] == ["rack"]
    gib = 40e9 / 2**30
    assert plan.saved_money == pytest.approx(0.05 * gib, abs=1e-5)


def test_seconds_bring_it_all_the_way(content: ContentMap) -> None:
    plan = plan_staging(content, [job(), job(name="other", cache="n2", start="2h")])
    assert plan.wait_before.tolist() == [40_000_000] * 2
    assert plan.wait_after.tolist() == [0, 0]
    assert "weights: origin → " in str(plan)


def test_too_late_or_too_large_is_left_alone(content: ContentMap) -> None:
    assert len(plan_staging(content, [job(start=3)])) == 0
    large = plan_staging(content, [job(inputs=["text"])])
    assert [content.tree.names[t] for t in large.target] == ["rack"]  # 60 GB do not fit the node's 50
    assert large.wait_after.tolist() == [6_000_000]


def test_the_heavier_job_goes_first(content: ContentMap) -> None:
    jobs = [job(start=41, weight=1), job(name="heavy", start=61, inputs=["text"], weight=9)]
    plan = plan_staging(content, jobs)
    assert plan.wait_before.tolist() == [40_000_000, 60_000_000]
    assert plan.wait_after.tolist() == [40_000_000, 6_000_000]  # the link cannot carry both in time


def test_no_jobs_no_moves(content: ContentMap) -> None:
    plan = plan_staging(content, [])
    assert (len(plan), plan.saved_seconds, str(plan)) == (0, 0, "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cache": "n9"}, "job 'train': cache 'n9': not in the tree"),
        ({"inputs": ["weight"]}, "job 'train': dataset 'weight': unknown"),
        ({"start": -1}, "job 'train': start is -1: must not be negative"),
        ({"start": "soon"}, "job 'train': start is 'soon'"),
        ({"start": "99999d"}, "within 35 years"),
        ({"weight": -1}, "job 'train': weight is -1"),
        ({"weight": 0.5}, "job 'train': weight is 0.5"),
    ],
)
def test_refusals_name_the_job(content: ContentMap, changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        plan_staging(content, [job(**changes)])


def test_an_unknown_value(content: ContentMap) -> None:
    with pytest.raises(InvalidModel, match="value is 'time'"):
        plan_staging(content, [job()], value="time")


def test_plot(content: ContentMap, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plan = plan_staging(content, [job(), job(name="other", cache="n2", inputs=["weights", "text"])])
    plan.plot(tmp_path / "plan.png")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
