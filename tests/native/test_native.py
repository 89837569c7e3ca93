"""Native scorers and filters against built-in ones, Python's, and every way of going wrong."""

from __future__ import annotations

import ctypes
import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
import hal.testing
from hal import native
from tests.api.strategies import jobs, nodes

NODES = 4
PROMISES = st.sampled_from([{}, {"own_state": True}, {"one_order": True}])


class Fault(ctypes.Structure):
    _fields_ = (("node", ctypes.c_int64), ("kind", ctypes.c_int64), ("calls", ctypes.c_int64))

    @classmethod
    def of(cls, node: int, kind: str) -> Fault:
        return cls(node, ord(kind), 0)


class FewestTasks:
    """The same rule as fewest_tasks of units.c, in Python."""

    name = "fewest_tasks"
    own_state = True

    def score(self, job: Any, candidates: Any) -> Any:
        return 1 / (1 + candidates.tasks.astype(np.float64))


def small() -> hal.Cluster:
    return hal.Cluster(hal.Node(f"n{i}", cpus=8, memory="16GiB", gpus=hal.gpus(2, "A")) for i in range(NODES))


def answers(cluster: hal.Cluster, policy: Any, given_jobs: Any) -> list[Any]:
    policy = policy if isinstance(policy, str | hal.Policy) else hal.Policy(policy)
    placements = hal.place(cluster, given_jobs, policy)
    return [placements.status.tolist(), placements.node.tolist(), placements.score.tolist()]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[hal.Node], list[hal.Job]]:
    count = draw(st.integers(1, 5))
    made = [draw(nodes(f"n{i}")) for i in range(count)]
    wanted = [draw(jobs(f"j{i}")) for i in range(draw(st.integers(1, 8)))]
    # Shares by memory differ by device: only the built-in rule knows them.
    return made, [job for job in wanted if job.gpu_milli or not job.gpu_memory]


@given(world=worlds(), promise=PROMISES)
def test_the_same_rule_in_c_scores_as_the_built_in(
    c_scorer: Path, world: tuple[list[hal.Node], list[hal.Job]], promise: dict[str, bool]
) -> None:
    made, wanted = world
    mine = hal.NativeScorer.from_library(c_scorer, "best_fit", **promise)
    policy = hal.Policy([mine])
    assert policy._core.indexed is mine.own_state is bool(promise)
    cluster = hal.Cluster(made)
    # One task at a time: the built-in rounds each resource by itself, so near-equal nodes may tie differently.
    for job in (job for job in wanted if job.tasks == 1):
        ours, theirs = hal.place(cluster, job, policy), hal.place(cluster, job, "best_fit", apply=True)
        assert ours.status.tolist() == theirs.status.tolist()
        assert np.allclose(ours.score, theirs.score, rtol=0, atol=1e-8)


@given(world=worlds(), own_state=st.booleans())
def test_the_same_rule_in_c_decides_as_in_python(
    units: Path, world: tuple[list[hal.Node], list[hal.Job]], own_state: bool
) -> None:
    made, wanted = world
    mine = hal.NativeScorer.from_library(units, "fewest_tasks", own_state=own_state)
    twin = hal.Policy({FewestTasks(): 1, "best_fit": 1})
    assert answers(hal.Cluster(made), {mine: 1, "best_fit": 1}, wanted) == answers(
        hal.Cluster(made), twin, wanted
    )


@given(
    world=worlds(),
    faults=st.lists(st.integers(0, 4), max_size=4),
    promise=st.sampled_from(["own_state", "one_order"]),
)
def test_after_a_failure_the_index_still_agrees_with_a_scan(
    units: Path, world: tuple[list[hal.Node], list[hal.Job]], faults: list[int], promise: str
) -> None:
    made, wanted = world
    data = Fault.of(-1, "n")
    faulty = hal.NativeScorer.from_library(units, "faulty", data=data, **{promise: True})
    policy = hal.Policy({faulty: 1, "best_fit": 1})
    cluster = hal.Cluster(made)
    for at, job in enumerate(wanted):
        data.node = faults[at] if at < len(faults) else -1
        before = cluster._core.digest()
        try:
            hal.place(cluster, job, policy, apply=True)
        except hal.PolicyError:
            assert cluster._core.digest() == before
        data.node = -1
        for each in wanted:
            asked = cluster._core, each._shape(), policy._core
            assert hal._core.choose(*asked, False) == hal._core.choose(*asked, True)


def test_a_scorer_is_shown_what_the_cluster_holds(units: Path) -> None:
    cluster = hal.Cluster(
        [
            hal.Node("a", cpus=8, memory=100, gpus=hal.gpus(2, "A", memory=16), resources={"fpga": 3}),
            hal.Node("gone", cpus=64, memory=900),
            hal.Node("b", cpus=4, memory=50, gpus=hal.gpus(1, "A", memory=16)),
            hal.Node("full", cpus=1, memory=50),
        ]
    )
    cluster.remove("gone")
    hal.place(
        cluster, hal.Job("one", cpus=2, memory=10, gpus=0.3, resources={"fpga": 1}), "best_fit", apply=True
    )
    seen = np.zeros(100, np.int64)
    scorer = hal.NativeScorer.from_library(units, "witness", data=seen)
    hal.place(cluster, hal.Job("two", cpus=1.5, memory=20, gpus=0.5, gpu_models=["A"]), hal.Policy([scorer]))
    request, rows = seen[:13].tolist(), seen[13 : 13 + 2 * 13].reshape(2, 13).tolist()
    assert request == [2, 3, 1500, 20, 0, 1, 500, 0, 1, 8000, 100, 2, 0]
    assert rows == [
        [0, 6000, 8000, 90, 100, 2, 2, 1700, 1, 1000, 1700, 1, 1],
        [2, 4000, 4000, 50, 50, 0, 1, 1000, 1, 1000, 1000, 0, 1],
    ]


def test_tasks_placed_so_far_are_told_to_scorers_of_context(units: Path) -> None:
    seen = np.zeros(100, np.int64)
    scorer = hal.NativeScorer.from_library(units, "witness", data=seen)
    hal.place(small(), hal.Job("gang", tasks=3, cpus=1), hal.Policy([scorer]))
    assert seen[12] == 2


@pytest.mark.parametrize("own_state", [True, False])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("n", r"scorer 'faulty' gave -?nan for node 'n2'"),
        ("r", r"scorer 'faulty' gave 1.5\d* for node 'n2'"),
        ("u", r"scorer 'faulty' gave -?nan for node 'n2'"),
        ("s", r"scorer 'faulty' returned status 3 for node 'n2'$"),
        ("w", r"scorer 'faulty' returned status -7 for node 'n0' and 3 more"),
    ],
)
def test_a_failing_scorer_is_named_with_the_node(units: Path, kind: str, words: str, own_state: bool) -> None:
    # Nodes that differ: equal empty ones share a slot of an index.
    cluster = hal.Cluster(hal.Node(f"n{i}", cpus=8 + i, memory="16GiB") for i in range(NODES))
    hal.place(cluster, hal.Job("before", cpus=1), apply=True)
    before = cluster._core.digest()
    data = Fault.of(2, kind)
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", own_state=own_state, data=data)])
    with pytest.raises(hal.PolicyError, match=words):
        hal.place(cluster, [hal.Job("a", cpus=1), hal.Job("b", cpus=1)], policy, apply=True)
    assert cluster._core.digest() == before
    assert cluster.jobs() == ["before"]
    data.node = -1
    assert all(p.placed for p in hal.place(cluster, [hal.Job("a", cpus=1)], policy))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("n", r"scorer 'faulty' gave -?nan for node 'n2' and a task that asks for nothing"),
        ("r", r"scorer 'faulty' gave 1.5\d* for node 'n2' and a task that asks for nothing"),
        ("u", r"scorer 'faulty' gave -?nan for node 'n2' and a task that asks for nothing"),
        ("s", r"scorer 'faulty' returned status 1 for node 'n2'$"),
        ("w", r"scorer 'faulty' returned status -7 for node 'n2'$"),
    ],
)
def test_a_failing_scorer_of_one_order_is_named_with_the_node(units: Path, kind: str, words: str) -> None:
    cluster = hal.Cluster(hal.Node(f"n{i}", cpus=8 + i, memory="16GiB") for i in range(NODES))
    before = cluster._core.digest()
    data = Fault.of(2, kind)
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", one_order=True, data=data)])
    for _ in range(2):  # also when an index was begun
        with pytest.raises(hal.PolicyError, match=words):
            hal.place(cluster, [hal.Job("a", cpus=1), hal.Job("b", cpus=1)], policy, apply=True)
        assert cluster._core.digest() == before
    data.node = -1
    assert [p.nodes for p in hal.place(cluster, [hal.Job("a", cpus=1)], policy)] == [("n0",)]


def test_one_order_is_asked_about_changed_nodes_only(units: Path) -> None:
    data = Fault.of(-1, "n")
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", one_order=True, data=data)])
    cluster = hal.Cluster.from_arrays(cpu_milli=np.full(1000, 8000), memory_mib=np.full(1000, 1024))
    hal.place(cluster, [hal.Job(f"j{i}", cpus=4, memory=i) for i in range(10)], policy, apply=True)
    assert data.calls <= 10 * 4, "for each: the node that changed, its slot of empty ones, and the score told"


def test_a_false_promise_of_one_order_ranks_as_for_nothing(units: Path) -> None:
    """What cannot be trusted costs quality, never room."""
    cluster = hal.Cluster([hal.Node("a", cpus=8, memory="8GiB"), hal.Node("b", cpus=16, memory="8GiB")])
    wanted = [hal.Job(f"j{i}", cpus=cpus, memory="1GiB") for i, cpus in enumerate([8, 1, 16, 15])]
    mine = hal.NativeScorer.from_library(units, "likes_what_it_fills", one_order=True)
    placed = [p.nodes for p in hal.place(cluster, wanted, hal.Policy([mine]), apply=True)]
    assert placed == [("a",), ("b",), (), ("b",)]
    with pytest.raises(hal.testing.CheckFailed, match="likes_what_it_fills gives"):
        hal.testing.run_check("one_order", mine, max_examples=500)


def test_a_true_promise_of_one_order_passes_the_checks(c_scorer: Path) -> None:
    mine = hal.NativeScorer.from_library(c_scorer, "best_fit", one_order=True)
    hal.testing.run_check("one_order", mine, max_examples=100)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("r", r"filter 'faulty_keep' gave 2 for node 'n2'"),
        ("u", r"filter 'faulty_keep' gave nothing for node 'n2'"),
        ("s", r"filter 'faulty_keep' returned status 3 for node 'n2'$"),
        ("w", r"filter 'faulty_keep' returned status -7 for node 'n0' and 3 more"),
    ],
)
def test_a_failing_filter_is_named_with_the_node(units: Path, kind: str, words: str) -> None:
    cluster = small()
    before = cluster._core.digest()
    broken = hal.NativeFilter.from_library(units, "faulty_keep", data=Fault.of(2, kind))
    with pytest.raises(hal.PolicyError, match=words):
        hal.place(cluster, hal.Job("a", cpus=1), hal.Policy(["best_fit"], filters=[broken]), apply=True)
    assert cluster._core.digest() == before


def test_a_filter_rejects_with_its_name(units: Path) -> None:
    rejecting = hal.NativeFilter.from_library(units, "faulty_keep", name="not_n2", data=Fault.of(2, "x"))
    placements = hal.place(
        small(),
        [hal.Job(f"j{i}", cpus=8) for i in range(NODES)],
        hal.Policy(["first_fit"], filters=[rejecting]),
    )
    assert [p.nodes for p in placements if p.placed] == [("n0",), ("n1",), ("n3",)]
    assert "filter 'not_n2' of the policy" in str(placements.explain("j3"))


def test_own_state_is_scored_once_for_equal_nodes_and_kept(units: Path) -> None:
    data = Fault.of(-1, "n")
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", own_state=True, data=data)])
    cluster = hal.Cluster.from_arrays(cpu_milli=np.full(1000, 8000), memory_mib=np.full(1000, 1024))
    for i in range(10):
        hal.place(cluster, hal.Job(f"j{i}", cpus=4), policy)
    assert data.calls <= 2, "kept until the node changes"


def capsule(pointer: int, name: bytes, kept: list[bytes] = []) -> Any:  # noqa: B006  # CPython does not copy the name
    kept.append(name)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(pointer, name, None)


def address(library: ctypes.CDLL, symbol: str) -> int:
    return ctypes.addressof(ctypes.c_char.in_dll(library, symbol))


def test_every_way_in(units: Path) -> None:
    library = ctypes.CDLL(str(units))
    at = address(library, "fewest_tasks")
    described = hal.NativeScorer(capsule(address(library, "described"), b"hal_scorer"), owner=library)
    assert described.name == "described"
    assert (described.own_state, described.one_order) == (True, False)
    ordered = hal.NativeScorer(capsule(address(library, "ordered"), b"hal_scorer"), owner=library)
    assert (ordered.own_state, ordered.one_order) == (True, True)
    held_back = hal.NativeScorer(
        capsule(address(library, "ordered"), b"hal_scorer"), owner=library, one_order=False
    )
    assert (held_back.own_state, held_back.one_order) == (True, False)
    ways = [
        described,
        hal.NativeScorer(capsule(at, native.SCORE_SIGNATURE.encode()), name="x", owner=library),
        hal.NativeScorer(
            capsule(at, b"int (struct hal_batch const*, double*, void*)"), name="x", owner=library
        ),
        hal.NativeScorer(native.SCORE_TYPE(("fewest_tasks", library)), name="x"),
        hal.NativeScorer(at, name="x", signature=native.SCORE_SIGNATURE, owner=library),
        hal.NativeScorer.from_library(units, "fewest_tasks"),
    ]
    wanted = [hal.Job(f"j{i}", cpus=1) for i in range(7)]
    expected = answers(small(), [FewestTasks()], wanted)
    for way in ways:
        assert answers(small(), [way], wanted) == expected
    keep = hal.NativeFilter(
        capsule(address(library, "described_filter"), b"hal_filter"), owner=library, data=Fault.of(0, "x")
    )
    assert keep.name == "described_filter"
    placed = hal.place(small(), hal.Job("a", cpus=1), hal.Policy(["first_fit"], filters=[keep]))
    assert placed[0].nodes == ("n1",)


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("short_struct", "its size is 8"),
        ("from_the_future", "was built for version 999 of hal's C interface; this one serves 1 to 1"),
        ("no_function", "scorer 'empty': its score is NULL"),
        ("no_name", "has no name"),
        ("odd_scope", "scorer 'odd': its scope is 7"),
    ],
)
def test_incomplete_structs_are_refused(units: Path, symbol: str, words: str) -> None:
    library = ctypes.CDLL(str(units))
    with pytest.raises(hal.PolicyError, match=words):
        hal.NativeScorer(capsule(address(library, symbol), b"hal_scorer"))


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (lambda: 0, {}, "must be a PyCapsule, a ctypes function, a numba cfunc or an address"),
        (4096, {"name": "x"}, "an address does not tell what is there"),
        (4096, {"name": "x", "signature": native.KEEP_SIGNATURE}, "must be 'int \\(hal_batch const"),
        (-1, {"name": "x", "signature": native.SCORE_SIGNATURE}, "is no address"),
        (2**64, {"name": "x", "signature": native.SCORE_SIGNATURE}, "is no address"),
        (ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0), {"name": "x"}, "must be 'int"),
        (native.KEEP_TYPE(lambda *_: 0), {"name": "x"}, "declare it with hal.native.SCORE_TYPE"),
        (native.SCORE_TYPE(lambda *_: 0), {"name": ""}, "name = .*: must be a text"),
        (native.SCORE_TYPE(lambda *_: 0), {"name": "x", "own_state": 1}, "own_state = 1"),
        (native.SCORE_TYPE(lambda *_: 0), {"name": "x", "one_order": "yes"}, "one_order = 'yes'"),
        (
            native.SCORE_TYPE(lambda *_: 0),
            {"name": "x", "one_order": True, "own_state": False},
            "implies own_state",
        ),
        (native.SCORE_TYPE(lambda *_: 0), {"name": "x", "data": object()}, "data = .*: must be contiguous"),
        (
            native.SCORE_TYPE(lambda *_: 0),
            {"name": "x", "data": np.zeros((4, 4))[:, 1]},
            "data = .*contiguous",
        ),
        (native.SCORE_TYPE(lambda *_: 0), {"name": "x", "abi_version": 0}, "was built for version 0"),
        (native.SCORE_TYPE(lambda *_: 0), {"name": "x", "abi_version": 2}, "was built for version 2"),
        (native.SCORE_TYPE(lambda *_: 0), {"name": "x", "abi_version": "1"}, "abi_version = '1'"),
    ],
)
def test_what_is_no_scorer_is_refused_with_words(function: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(hal.PolicyError, match=words):
        hal.NativeScorer(function, **options)


def test_libraries_and_modules_that_are_not_there(units: Path, tmp_path: Path) -> None:
    with pytest.raises(hal.PolicyError, match="cannot be loaded"):
        hal.NativeScorer.from_library(tmp_path / "none.so", "best_fit")
    with pytest.raises(hal.PolicyError, match="needs the function, and HAL_PLUGIN"):
        hal.NativeScorer.from_library(units, "none")
    with pytest.raises(hal.PolicyError, match="cannot be imported"):
        hal.NativeScorer.from_module("hal_no_such_module", "best_fit")
    with pytest.raises(hal.PolicyError, match="exports no such one"):
        hal.NativeScorer.from_module("hal.native", "best_fit")


def test_data_and_owner_live_as_long_as_the_engine_may_call(units: Path) -> None:
    class Owner:
        pass

    data, owner = np.array([-1, ord("n"), 0], np.int64), Owner()
    gone, watched = weakref.ref(owner), weakref.ref(data)
    cluster = small()
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", data=data, owner=owner)])
    del data, owner
    gc.collect()
    assert hal.place(cluster, hal.Job("a", cpus=1), policy)[0].placed
    del policy
    gc.collect()
    assert gone() is not None, "the cluster remembers the policy"
    del cluster
    gc.collect()
    assert gone() is None
    assert watched() is None


def test_pickling_by_name_only(units: Path) -> None:
    named = hal.NativeScorer.from_library(units, "fewest_tasks", own_state=True)
    again = pickle.loads(pickle.dumps(hal.Policy({named: 2, "best_fit": 1})))
    wanted = [hal.Job(f"j{i}", cpus=1) for i in range(7)]
    assert answers(small(), again, wanted) == answers(small(), {named: 2, "best_fit": 1}, wanted)
    with pytest.raises(hal.PolicyError, match="an address cannot be pickled"):
        pickle.dumps(hal.NativeScorer(native.SCORE_TYPE(lambda *_: 0), name="x"))


@settings(max_examples=10)
@given(threads=st.integers(2, 4))
def test_callbacks_into_python_need_no_gil_to_be_held(threads: int) -> None:
    def half(batch: int, scores: Any, data: Any) -> int:
        count = ctypes.cast(batch, ctypes.POINTER(ctypes.c_size_t))[2]
        for i in range(count):
            scores[i] = 0.5
        return 0

    policy = hal.Policy([hal.NativeScorer(native.SCORE_TYPE(half), name="half")])
    assert hal.place(small(), hal.Job("a", cpus=1, tasks=threads), policy)[0].placed
