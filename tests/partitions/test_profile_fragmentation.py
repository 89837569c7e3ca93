"""Fragmentation over profiles, and the scorer that goes by it, against the plain twin."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.partitions import fragmentation
from hal.policies import ProfileFit
from tests.partitions.partition_twin import TABLES, Device, most
from tests.partitions.test_partitions import device

PROFILES = sorted({profile for table in TABLES.values() for profile in table})
COUNTS = st.dictionaries(st.sampled_from(PROFILES), st.integers(0, 9), min_size=1).filter(
    lambda counts: any(counts.values())
)


def usable(table: str, taken: frozenset[int], profile: str) -> int:
    """Slices that as many instances of the profile as fit could take."""
    return TABLES[table][profile][0] * most(table, profile, taken) if profile in TABLES[table] else 0


def fragmented(device: Device, counts: dict[str, int]) -> float:
    """Milli-GPU that the profile that comes cannot use, in expectation."""
    free = 8 - len(device.taken)
    mean = sum(n * usable(device.table, device.taken, p) for p, n in counts.items()) / sum(counts.values())
    return 125 * (free - mean)


def loss(device: Device, profile: str, counts: dict[str, int]) -> tuple[int, int] | None:
    """Room lost to an instance, by counts, and the slices free before."""
    start = device.best_start(profile) if profile in TABLES[device.table] else None
    if start is None:
        return None
    after = device.taken | set(range(start, start + TABLES[device.table][profile][0]))
    lost = sum(
        n * (usable(device.table, device.taken, p) - usable(device.table, after, p))
        for p, n in counts.items()
    )
    return lost, 8 - len(device.taken)


@given(
    st.lists(st.lists(st.sampled_from(sorted(TABLES)), min_size=1, max_size=2), min_size=1, max_size=3),
    COUNTS,
    st.lists(st.sampled_from(PROFILES), min_size=1, max_size=10),
)
def test_measure_and_choice_are_the_twins(
    tables: list[list[str]], counts: dict[str, int], wanted: list[str]
) -> None:
    cluster = hal.Cluster(
        hal.Node(f"n{i}", cpus=64, gpus=[device(t) for t in row]) for i, row in enumerate(tables)
    )
    nodes = [[Device(table) for table in row] for row in tables]
    policy = hal.Policy([ProfileFit(typical=counts)])
    for step, profile in enumerate(wanted):
        placed = hal.place(cluster, hal.Job(f"j{step}", cpus=1, gpu_profile=profile), policy, apply=True)[0]
        scores = {}
        for n, row in enumerate(nodes):
            for g, held in enumerate(row):
                if (lost := loss(held, profile, counts)) is None:
                    continue
                empty = sum(k * usable(held.table, frozenset(), p) for p, k in counts.items())
                scores[n, g] = 1 - (lost[0] + lost[1] / 16) / (empty + 1)
        assert placed.placed == bool(scores)
        if scores:
            best = max(scores.values())
            node, gpu = int(placed.nodes[0][1:]), placed.gpus[0][0]
            assert scores[node, gpu] == max(s for (n, _), s in scores.items() if n == node)
            assert scores[node, gpu] >= best - 1e-8  # the core keeps scores with 32 bits
            start = nodes[node][gpu].best_start(profile)
            assert start is not None
            nodes[node][gpu].instances[f"j{step}"] = (profile, start)
        assert fragmentation(cluster, counts).tolist() == pytest.approx(
            [sum(fragmented(held, counts) for held in row) for row in nodes]
        )


def test_what_was_asked_for_is_what_counts() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[device("a100-40gb")])])
    assert fragmentation(cluster).tolist() == fragmentation(cluster, "any").tolist()
    hal.place(cluster, hal.Job("a", cpus=1, gpu_profile="3g.20gb"), apply=True)
    assert fragmentation(cluster).tolist() == fragmentation(cluster, {"3g.20gb": 1}).tolist() == [0.0]
    assert fragmentation(cluster, {"7g.40gb": 1}).tolist() == [500.0]
    assert fragmentation(cluster, {"7g.80gb": 1}).tolist() == [500.0]  # it does not offer that one


def test_devices_that_are_whole_or_may_not_be_partitioned_count_nothing() -> None:
    cluster = hal.Cluster(
        [hal.Node("n", cpus=8, gpus=[hal.GPU("T4"), device("a100-40gb")]), hal.Node("m", cpus=1)]
    )
    hal.place(cluster, hal.Job("whole", cpus=1, gpus=2), apply=True)
    assert fragmentation(cluster, "any").tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("typical", "words"),
    [
        ("some", "typical = 'some'"),
        ({"9g": 1}, "'9g' is none of 1g.10gb"),
        ({"1g.5gb": -1}, r"typical\['1g.5gb'\] = -1"),
        ({"1g.5gb": 1.5}, r"typical\['1g.5gb'\] = 1.5"),
        ({"1g.5gb": 0}, "counts no profile"),
    ],
)
def test_refusals(typical: Any, words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        fragmentation(hal.Cluster([hal.Node("n", cpus=1)]), typical)
    with pytest.raises(hal.errors.HalError, match=words):
        ProfileFit(typical=typical)
