"""Nodes, jobs and topologies as the code that makes them, without what is default anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from itertools import groupby
from typing import Any

from hal.gpu import GPU
from hal.topology import Topology

__all__ = ["code", "policy_code"]


def code(value: Any) -> str:
    """Return an expression that evaluates to an equal value where ``hal`` is imported.

    Parameters
    ----------
    value : Node, Job, GPU, Gang, Selector, Taint, Toleration, rule, Topology, or a plain value
        Sequences and mappings of these, too.

    Examples
    --------
    >>> import hal
    >>> code(hal.Node("n0", cpus=4, gpus=hal.gpus(2, "A100", memory="80GiB")))
    "hal.Node('n0', cpus=4, gpus=hal.gpus(2, 'A100', memory=81920))"
    """
    if isinstance(value, Topology):
        return _topology(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{code(key)}: {code(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and all(isinstance(item, GPU) for item in value):
            return " + ".join(_devices(gpu, len(list(same))) for gpu, same in groupby(value))
        return "[" + ", ".join(code(item) for item in value) + "]"
    return repr(value)


def _object(value: Any) -> str:
    parts = []
    for index, field in enumerate(fields(value)):
        given = getattr(value, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if default is not MISSING and _plain(given) == _plain(default):
            continue
        positional = index == 0 and default is MISSING
        parts.append(code(given) if positional else f"{field.name}={code(given)}")
    return f"hal.{type(value).__name__}({', '.join(parts)})"


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _devices(gpu: GPU, count: int) -> str:
    inside = _object(gpu).removeprefix("hal.GPU(").removesuffix(")")
    return f"hal.gpus({count}, {inside})"


def _topology(value: Topology) -> str:
    levels = [level.name for level in value.levels]
    domains = [tuple(domain) for domain in value.domains]
    nodes = {node: value.path(node)[-1] for node in value.nodes}
    return f"hal.topology.Topology({levels!r}, {domains!r}, {nodes!r})"


def policy_code(given: Any) -> str:
    """Return the lines that make ``policy``; a comment where no import and no call without arguments would do.

    Examples
    --------
    >>> policy_code("fgd")
    "policy = 'fgd'"
    """
    if isinstance(given, str):
        return f"policy = {given!r}"
    kind = type(given)
    module, name = kind.__module__, kind.__qualname__
    try:
        plain = "<locals>" not in name and module != "__main__" and vars(kind()) == vars(given)
    except Exception:  # a stranger's class: it wants arguments, or holds what cannot be compared
        plain = False
    if not plain:
        return f"# policy = the {name} that was checked"
    top, *inner = name.split(".")
    return f"from {module} import {top}\n\npolicy = {'.'.join([top, *inner])}()"
