"""Scorers and filters that are compiled functions: called batched, on the cluster's own columns, without the GIL."""

from __future__ import annotations

import ctypes
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final, Self

from hal import _core
from hal._native import FILTER, SCORER, Found, Kind, address_of, find
from hal._show import show
from hal.errors import PolicyError

__all__ = [
    "ABI_VERSION",
    "ABI_VERSION_MIN",
    "KEEP_SIGNATURE",
    "KEEP_TYPE",
    "SCORE_SIGNATURE",
    "SCORE_TYPE",
    "NativeFilter",
    "NativeScorer",
    "get_include",
]

#: Version of ``hal.h`` that this hal speaks, and the oldest that it still serves.
ABI_VERSION: Final[int] = _core.ABI_VERSION
#: See `ABI_VERSION`.
ABI_VERSION_MIN: Final[int] = _core.ABI_VERSION_MIN

#: Signature of a native scorer as text, as Cython writes it into the capsules of a module.
SCORE_SIGNATURE: Final[str] = _core.SCORE_SIGNATURE
#: Signature of a native filter as text.
KEEP_SIGNATURE: Final[str] = _core.KEEP_SIGNATURE

#: Signature of a native scorer for ctypes: ``SCORE_TYPE(("score", ctypes.CDLL(path)))``.
SCORE_TYPE: Final = SCORER.prototype
#: Signature of a native filter for ctypes.
KEEP_TYPE: Final = FILTER.prototype


def get_include() -> str:
    """Return the folder of ``hal.h``, for the compiler's ``-I``; in wheels and editable installs alike."""
    return str(Path(_core.__file__).parent / "include")


class _Native:
    """What scorers and filters share: finding the function, and keeping what it needs alive."""

    _kind: ClassVar[Kind]

    __slots__ = ("_built", "_origin", "name")

    def __init__(
        self,
        function: Any,
        name: str | None,
        data: Any,
        owner: Any,
        signature: str | None,
        abi_version: int,
    ) -> None:
        found = find(function, self._kind, signature)
        self.name = _checked_name(name or found.name)
        if isinstance(abi_version, bool) or not isinstance(abi_version, int) or not 0 <= abi_version < 2**32:
            raise PolicyError(f"abi_version = {show(abi_version)}: must be HAL_ABI_VERSION of the hal.h used")
        _core.check_abi(f"{self._kind.struct.removeprefix('hal_')} {self.name!r}", abi_version)
        address, held = address_of(data)
        self._origin: tuple[Any, ...] | None = None
        self._built = self._build(found, address or found.data, (function, held, owner))

    def _build(self, found: Found, data: int, owner: object) -> Any:
        raise NotImplementedError

    @classmethod
    def from_module(cls, module: ModuleType | str, function: str, **options: Any) -> Self:
        """Take a ``cdef api`` function of a Cython module.

        The module says by which header it was compiled: ``HAL_ABI_VERSION = capi.HAL_ABI_VERSION``.

        Parameters
        ----------
        module : module or str
            The module, or its import name.
        function : str
            Name of the function.
        **options
            As for the constructor. ``name``: by default the function's.

        Raises
        ------
        PolicyError
            No such module or function, a wrong signature, or an ABI version that is not served.
        """
        if isinstance(module, str):
            try:
                found = importlib.import_module(module)
            except ImportError as error:
                raise PolicyError(f"module = {show(module)}: cannot be imported: {error}") from error
        else:
            found = module
        exported = getattr(found, "__pyx_capi__", {})
        if function not in exported:
            known = ", ".join(sorted(exported)) or "none; declare it cdef api"
            raise PolicyError(
                f"function = {show(function)}: {found.__name__} exports no such one (it has {known})"
            )
        version = getattr(found, "HAL_ABI_VERSION", None)
        if version is None:
            raise PolicyError(
                f"module = {found.__name__}: does not say by which hal.h it was compiled; write in it "
                "HAL_ABI_VERSION = capi.HAL_ABI_VERSION"
            )
        given: dict[str, Any] = {"name": function, "owner": found, "abi_version": version} | options
        made = cls(exported[function], **given)
        made._origin = (cls.from_module, found.__name__, function, options)
        return made

    @classmethod
    def from_library(cls, path: str | Path, function: str, **options: Any) -> Self:
        """Take a function of a shared library, one source file of which says ``HAL_PLUGIN``.

        Parameters
        ----------
        path : path
            The library.
        function : str
            Name of the function.
        **options
            As for the constructor. ``name``: by default the function's.

        Raises
        ------
        PolicyError
            The library cannot be loaded, has no such function, or was built by an ABI version not served.
        """
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise PolicyError(f"path = {show(str(path))}: cannot be loaded: {error}") from error
        try:
            version = ctypes.c_uint32.in_dll(library, "hal_plugin_abi").value
            typed = cls._kind.prototype((function, library))
        except (AttributeError, ValueError) as error:
            raise PolicyError(
                f"path = {show(str(path))}: {error}; it needs the function, and HAL_PLUGIN in one source file"
            ) from error
        given: dict[str, Any] = {"name": function, "owner": library, "abi_version": version} | options
        made = cls(typed, **given)
        made._origin = (cls.from_library, str(path), function, options)
        return made

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._origin is None:
            raise PolicyError(
                f"{self!r}: an address cannot be pickled; one made by from_module or from_library can"
            )
        make, place, function, options = self._origin
        return _again, (make, place, function, options)


class NativeScorer(_Native):
    """A scorer that is a compiled function of signature `SCORE_SIGNATURE`.

    It is called once for a job over all candidate nodes, on the cluster's own columns (``hal_batch`` in
    ``hal.h``), without the GIL, and writes a score from 0 to 1 for each. A return other than 0, NaN, a score
    left unset or out of range is a PolicyError that names the scorer and the node; the cluster is unchanged.

    Parameters
    ----------
    function : PyCapsule, ctypes function, numba cfunc or int
        A capsule is named by its signature or holds a ``hal_scorer`` (then name, data and promises come from
        it; its ``release`` is the capsule's affair). An int is an address; say what is there by ``signature``.
    name : str, optional
        Name in explanations and errors; default: the function's, where it has one.
    own_state : bool, optional
        A promise that a score depends on the request, the node's own row and the largest capacities alone, and
        not on which node it is: kept until the node changes, and found by an index instead of a scan.
    one_order : bool, optional
        A promise beyond that: every job ranks the nodes alike, as a score is that for a job that asks for nothing
        (which the function is asked about, too) plus something that depends on the request alone. One index then
        serves all jobs, as it does for built-in scorers like ``best_fit``. Implies `own_state`.
    data : buffer, ctypes object or int, optional
        Handed to the function: the address of its bytes. Kept alive as long as the engine may call.
    owner : object, optional
        Kept alive likewise: whatever else the function needs.
    signature : str, optional
        Of what is at an address.
    abi_version : int
        ``HAL_ABI_VERSION`` of the header by which the function was compiled.

    Raises
    ------
    PolicyError
        A wrong signature, an ABI version that is not served, or an argument of the wrong kind.
    """

    __slots__ = ("one_order", "own_state")
    _kind = SCORER

    def __init__(
        self,
        function: Any,
        *,
        name: str | None = None,
        own_state: bool | None = None,
        one_order: bool | None = None,
        data: Any = None,
        owner: object = None,
        signature: str | None = None,
        abi_version: int = ABI_VERSION,
    ) -> None:
        for field, value in (("own_state", own_state), ("one_order", one_order)):
            if value is not None and not isinstance(value, bool):
                raise PolicyError(f"{field} = {show(value)}: must be True or False")
        if one_order and own_state is False:
            raise PolicyError("one_order = True: implies own_state, which is given as False")
        self.own_state, self.one_order = own_state, one_order
        super().__init__(function, name, data, owner, signature, abi_version)

    def _build(self, found: Found, data: int, owner: object) -> _core.Scorer:
        told = found.scope or _core.SCOPE_CONTEXT  # of a capsule; what is given goes before it
        if self.one_order is None:
            self.one_order = told == _core.SCOPE_ORDER and self.own_state is not False
        if self.own_state is None:
            self.own_state = self.one_order or told != _core.SCOPE_CONTEXT
        plain = _core.SCOPE_NODE if self.own_state else _core.SCOPE_CONTEXT
        scope = _core.SCOPE_ORDER if self.one_order else plain
        return _core.native_scorer(self.name, found.address, data, scope, owner)

    def _core_scorer(self) -> _core.Scorer:
        made: _core.Scorer = self._built
        return made


class NativeFilter(_Native):
    """A filter that is a compiled function of signature `KEEP_SIGNATURE`.

    Called like a `NativeScorer`; it writes 1 (keep) or 0 (reject) for each candidate node. A policy with filters
    of its own looks at all nodes for each decision.

    Parameters
    ----------
    function : PyCapsule, ctypes function, numba cfunc or int
        As for `NativeScorer`; the struct in a capsule is ``hal_filter``.
    name, data, owner, signature, abi_version
        As for `NativeScorer`.

    Raises
    ------
    PolicyError
        A wrong signature, an ABI version that is not served, or an argument of the wrong kind.
    """

    __slots__ = ()
    _kind = FILTER

    def __init__(
        self,
        function: Any,
        *,
        name: str | None = None,
        data: Any = None,
        owner: object = None,
        signature: str | None = None,
        abi_version: int = ABI_VERSION,
    ) -> None:
        super().__init__(function, name, data, owner, signature, abi_version)

    def _build(self, found: Found, data: int, owner: object) -> _core.Filter:
        return _core.native_filter(self.name, found.address, data, owner)

    def _core_filter(self) -> _core.Filter:
        made: _core.Filter = self._built
        return made


def _again(make: Any, place: str, function: str, options: dict[str, Any]) -> Any:
    return make(place, function, **options)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise PolicyError(f"name = {show(name)}: must be a text of 1 to 200 characters")
    return name
