"""The wire format of scheduler extenders, ``k8s.io/kube-scheduler/extender/v1``.

Its structs carry no JSON tags, so that fields are PascalCase; any casing is understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii as quoted
from operator import add
from typing import Any, Final

from fastapi import Response
from pydantic_core import from_json, to_json

import hal

__all__ = [
    "ARGS",
    "BINDING",
    "BROKEN",
    "PREEMPTION",
    "Refused",
    "answer",
    "asked",
    "fields",
    "filtered",
    "lower",
    "pod_of",
    "read",
    "schema",
    "scored",
    "text",
]

#: Names as Kubernetes has them: what becomes part of a path must not lead elsewhere.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}")
#: What comes of reading an object that is not what it should be.
BROKEN: Final = (AttributeError, KeyError, TypeError, ValueError, OverflowError)
ARGS: Final = {"Pod": "object", "Nodes": "object", "NodeNames": "array"}
PREEMPTION: Final = {"Pod": "object", "NodeNameToVictims": "object", "NodeNameToMetaVictims": "object"}
BINDING: Final = dict.fromkeys(("PodName", "PodNamespace", "PodUID", "Node"), "string")


class Refused(hal.HalError):
    """A request that is none of kube-scheduler's."""


def schema(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what OpenAPI says of a body; unset fields come as null."""
    schema = {
        "type": "object",
        "properties": {name: {"type": [kind, "null"]} for name, kind in fields.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def read(body: bytes) -> Mapping[str, Any]:
    try:
        told = from_json(body, cache_strings="keys")
    except ValueError:
        raise Refused("body: is no JSON") from None
    if not isinstance(told, dict):
        raise Refused("body: must be an object")
    return told


def answer(answer: Any) -> Response:
    return Response(to_json(answer), media_type="application/json")


def scored(names: Sequence[str], scores: Sequence[int]) -> Response:
    """Return a HostPriorityList: thousands of small objects, of which only the names have to be written as JSON."""
    ends = [f',"Score":{score}}}' for score in range(max(scores, default=0) + 1)]
    rows = map(add, map(quoted, names), map(ends.__getitem__, scores))
    text = ',{"Host":'.join(rows)
    return Response('[{"Host":' + text + "]" if text else "[]", media_type="application/json")


def fields(thing: object) -> dict[str, Any]:
    if not isinstance(thing, dict):
        raise Refused(f"{str(thing)[:40]}: must be an object")
    return thing


def lower(thing: object) -> dict[str, Any]:
    return {key.lower(): value for key, value in fields(thing).items()}


def text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Refused(f"{key}: must be a name")
    return value


def pod_of(given: Mapping[str, Any]) -> dict[str, Any]:
    pod = fields(given.get("pod"))
    fields(pod.get("metadata") or {})
    return pod


def asked(
    arguments: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str], Mapping[str, Any] | None]:
    """Return the pod, the names of the nodes, and the nodes themselves where they were sent."""
    given = lower(arguments)
    names, nodes = given.get("nodenames"), given.get("nodes")
    if nodes is not None:
        try:
            own = [node["metadata"]["name"] for node in fields(nodes).get("items") or ()]
        except BROKEN:
            raise Refused("Nodes: a node has no name") from None
        names = own if names is None else names
    if not isinstance(names, list) or not set(map(type, names)) <= {str}:
        raise Refused("NodeNames: must be a list of names")
    return pod_of(given), names, nodes


def filtered(
    fits: list[str], nodes: Mapping[str, Any] | None, failed: Mapping[str, str], never: Mapping[str, str]
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Nodes": None,
        "NodeNames": fits,
        "FailedNodes": failed,
        "FailedAndUnresolvableNodes": never,
        "Error": "",
    }
    if nodes is not None:  # not nodeCacheCapable: whole nodes come, and whole nodes are wanted back
        kept = set(fits)
        items = [node for node in nodes.get("items") or () if node["metadata"]["name"] in kept]
        answer |= {"Nodes": {**nodes, "items": items}, "NodeNames": None}
    return answer
