"""How a compiled function is handed in: capsules, ctypes, numba, addresses; and the bytes that it is given."""

from __future__ import annotations

import ctypes
import datetime
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from hal import _core
from hal._show import show
from hal.errors import PolicyError

__all__ = ["FILTER", "SCORER", "Found", "Kind", "address_of", "find"]

_Capsule: Final = type(datetime.datetime_CAPI)  # types.CapsuleType is of 3.13
_Function: Final[Any] = type(ctypes.pythonapi.Py_IncRef).__mro__[1]  # ctypes._CFuncPtr, which typeshed hides


class Found(NamedTuple):
    """What the ways of handing in a function come down to; None: the way cannot tell."""

    address: int
    name: str | None = None
    data: int = 0
    scope: int | None = None


class Kind(NamedTuple):
    """What tells native scorers from native filters."""

    struct: str
    signature: str
    prototype: Any
    declare: str
    read: Callable[[int], Found]


def _read_scorer(address: int) -> Found:
    name, function, data, scope = _core.read_scorer(address)
    return Found(function, name, data, scope)


def _read_filter(address: int) -> Found:
    name, function, data = _core.read_filter(address)
    return Found(function, name, data)


def _prototype(of: Any) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(of), ctypes.c_void_p)


SCORER: Final = Kind(
    "hal_scorer",
    _core.SCORE_SIGNATURE,
    _prototype(ctypes.c_double),
    "hal.native.SCORE_TYPE",
    _read_scorer,
)
FILTER: Final = Kind(
    "hal_filter", _core.KEEP_SIGNATURE, _prototype(ctypes.c_uint8), "hal.native.KEEP_TYPE", _read_filter
)


def find(function: Any, kind: Kind, signature: str | None) -> Found:
    """Find the address of a function, its signature checked.

    Raises
    ------
    PolicyError
        Another signature, an incomplete struct, or nothing that holds a function.
    """
    if isinstance(function, _Capsule):
        label, address = _core.open_capsule(function)
        if label == kind.struct:
            return kind.read(address)
        _check_text(f"capsule {label!r}", label, kind)
        return Found(address)
    if isinstance(function, int) and not isinstance(function, bool):
        if not 0 < function < 2**64:
            raise PolicyError(f"function = {show(function)}: is no address")
        if signature is None:
            raise PolicyError(
                f"function = {function:#x}: an address does not tell what is there; "
                f"say it with signature={kind.signature!r}"
            )
        _check_text("signature", signature, kind)
        return Found(function)
    if isinstance(function, _Function):
        _check_ctypes(function, function, kind)
        address_ = ctypes.cast(function, ctypes.c_void_p).value
        return Found(address_ or 0, getattr(function, "__name__", None))
    # numba's cfunc: its own face for ctypes carries the signature that it was compiled with.
    if isinstance(getattr(function, "ctypes", None), _Function):
        _check_ctypes(function, function.ctypes, kind)
        return Found(int(function.address), getattr(function, "__name__", None))
    raise PolicyError(
        f"function = {show(function)}: must be a PyCapsule, a ctypes function, a numba cfunc or an address"
    )


def _check_text(what: str, text: object, kind: Kind) -> None:
    if not isinstance(text, str) or _squeezed(text) != _squeezed(kind.signature):
        raise PolicyError(f"{what}: its signature is {show(text)}, must be {kind.signature!r}")


def _squeezed(signature: str) -> str:
    return "".join(signature.replace("struct ", "").split())


def _check_ctypes(shown: object, function: Any, kind: Kind) -> None:
    wanted, given = kind.prototype._argtypes_, function.argtypes or ()
    same = function.restype is ctypes.c_int and len(given) == len(wanted)
    if not same or not all(_alike(mine, theirs) for mine, theirs in zip(wanted, given, strict=True)):
        names = ", ".join(getattr(type_, "__name__", "?") for type_ in given) or "not given"
        raise PolicyError(
            f"function = {show(shown)}: its signature is "
            f"{getattr(function.restype, '__name__', None)} ({names}), must be {kind.signature!r}; "
            f"declare it with {kind.declare}"
        )


def _alike(wanted: Any, given: Any) -> bool:
    """Whether an argument of ctypes is the one meant; for the batch, a pointer to anything."""
    pointer = isinstance(given, type) and issubclass(given, ctypes._Pointer)
    if wanted is ctypes.c_void_p:
        return given is wanted or pointer
    return pointer and given._type_ is wanted._type_


def address_of(data: Any) -> tuple[int, object]:
    """Address of the bytes that a function is given, and what keeps them there.

    Raises
    ------
    PolicyError
        They have no fixed place.
    """
    if data is None:
        return 0, None
    if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 2**64:
        return data, None
    if isinstance(data, (ctypes.Structure, ctypes.Array, ctypes._SimpleCData)):
        return ctypes.addressof(data), data
    try:
        held = np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise PolicyError(
            f"data = {show(data)}: must be contiguous bytes (bytes, an array), a ctypes object or an address"
        ) from error
    return held.ctypes.data, held
