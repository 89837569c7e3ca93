"""How native scorers and filters are handed in, what is refused, and how long what they need lives."""

from __future__ import annotations

import ctypes
import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hal
import hal.testing
from hal import native
from tests.native.rules import Fault, FewestTasks, answers, small


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
