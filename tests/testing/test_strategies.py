"""What the strategies draw is within its limits, becomes code that means the same, and agrees with the books."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
import hal.topology
from hal import testing
from hal.errors import InvalidModel
from hal.testing import strategies

LIMITS = testing.Limits(nodes=3, jobs=2, tasks=2, cpus=4, memory=3, gpus=2)


@given(case=strategies.cases(LIMITS))
def test_cases_stay_within_their_limits(case: testing.Case) -> None:
    assert 1 <= len(case.nodes) <= 3
    assert len([job for job in case.jobs if job.gang is None]) <= 2
    for node in case.nodes:
        assert node.cpus <= 4
        assert node.memory_mib <= 3
        assert len(node.gpus) <= 2
    assert all(job.tasks <= 2 for job in case.jobs)


@given(case=strategies.cases())
def test_code_means_the_same(case: testing.Case) -> None:
    namespace: dict[str, object] = {}
    exec(compile(case.code(), "case", "exec"), namespace)
    assert namespace["nodes"] == list(case.nodes)
    assert namespace["jobs"] == list(case.jobs)
    made = namespace["cluster"]
    assert isinstance(made, hal.Cluster)
    assert made.digest() == case.cluster().digest()


@given(cluster=strategies.clusters(), job=strategies.jobs())
def test_books_fit_what_the_core_fits(cluster: hal.Cluster, job: hal.Job) -> None:
    books = testing.Books(cluster.nodes())
    one = strategies.renamed(job, "one", tasks=1)
    told = hal.explain(cluster, one)
    assert told.feasible == sum(books.fits(name, one) for name in books.rooms)


@settings(max_examples=10)
@given(data=st.data())
def test_the_others_draw_what_they_say(data: st.DataObject) -> None:
    tree = data.draw(strategies.caches(["n0", "n1"]))
    assert sorted(tree.nodes) == ["n0", "n1"]
    trace = data.draw(strategies.traces(LIMITS))
    assert 1 <= len(trace) <= 2
    assert data.draw(strategies.gangs()).gang is not None
    assert data.draw(strategies.devices(testing.Limits(gpus=0))) == ()


def test_limits_are_checked() -> None:
    for wrong in ({"nodes": 0}, {"gpus": 65}, {"tasks": 1.5}):
        with pytest.raises(InvalidModel):
            testing.Limits(**wrong)
