"""Clusters and jobs as YAML or JSON.

A document has ``nodes:`` or ``jobs:``, each a list of mappings with the fields of `hal.Node` or `hal.Job`.
``gpus`` of a node is ``{count: 8, model: A100, memory: 80GiB}`` or a list of such; a rule of a job is
``{rule: anti_affinity, jobs: {app: web}}``, with the fields of `hal.AntiAffinity` and its like. An entry with
``count: n`` (and n > 1) stands for n of them, called ``<name>-0``, ``<name>-1``, ….
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from hal._doors import path_of
from hal._extras import require
from hal._show import show
from hal.errors import HalError, InvalidModel
from hal.gpu import GPU
from hal.model import Job, Node, Selector, Taint, Toleration
from hal.rules import Affinity, AntiAffinity, Prefer, Rule, Spread

__all__ = ["Format", "format_of", "job_of", "read_jobs", "read_nodes", "write_nodes"]

T = TypeVar("T", Node, Job)
Format = Literal["yaml", "json"]

_MOST: Final = 10**6
_IN_JOBS: Final[Mapping[str, type]] = {"tolerations": Toleration, "selector": Selector}
_RULES: Final[Mapping[str, type[Rule]]] = {
    "affinity": Affinity,
    "anti_affinity": AntiAffinity,
    "spread": Spread,
    "prefer": Prefer,
}


def format_of(path: str | PathLike[str]) -> Format:
    """``"json"`` for a name that ends in ``.json``, else ``"yaml"``, which JSON is nearly a part of."""
    return "json" if str(path).endswith(".json") else "yaml"


def read_nodes(path: str | PathLike[str], format: Format) -> list[Node]:  # the field's word
    """Read the nodes of a document.

    Raises
    ------
    InvalidModel
        The file cannot be read or is cut short, or a field is wrong; the message names file, entry and field.
    MissingExtra
        The format is YAML and pyyaml is not installed.
    """
    return _listed(path_of(path), _known(format), "nodes", Node, {"taints": Taint})


def read_jobs(path: str | PathLike[str], format: Format) -> list[Job]:  # the field's word
    """Read the jobs of a document; raises as `read_nodes`."""
    return _listed(path_of(path), _known(format), "jobs", Job, _IN_JOBS)


def write_nodes(path: str | PathLike[str], nodes: Iterable[Node], format: Format) -> None:
    """Write a document that `read_nodes` reads back to equal nodes.

    Raises
    ------
    HalError
        The file cannot be written.
    """
    path = path_of(path)
    document = {"nodes": [_plain_node(node) for node in nodes]}
    if _known(format) == "json":
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    else:
        text = require("yaml", extra="yaml").safe_dump(document, sort_keys=False, allow_unicode=True)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HalError(f"{path}: cannot be written ({error.strerror})") from None


def _known(format: Format) -> Format:
    if format not in ("yaml", "json"):
        raise InvalidModel(f"format = {show(format)}: must be 'yaml' or 'json'")
    return format


def _plain_node(node: Node) -> dict[str, Any]:
    out: dict[str, Any] = {"name": node.name, "cpus": node.cpus, "memory": node.memory}
    if node.gpus:
        groups: list[tuple[GPU, int]] = []
        for gpu in node.gpus:
            if groups and groups[-1][0] == gpu:
                groups[-1] = (gpu, groups[-1][1] + 1)
            else:
                groups.append((gpu, 1))
        out["gpus"] = [{"count": count, **dataclasses.asdict(gpu)} for gpu, count in groups]
    for field in ("resources", "labels"):
        if getattr(node, field):
            out[field] = dict(getattr(node, field))
    if node.taints:
        out["taints"] = [{"key": t.key, "value": t.value, "effect": t.effect} for t in node.taints]
    if not node.schedulable:
        out["schedulable"] = False
    return out


def _listed(path: Path, format: Format, key: str, kind: type[T], nested: Mapping[str, type]) -> list[T]:
    taken: dict[str, str] = {}
    out: list[T] = []
    for where, made in _entries(path, format, key, kind, nested):
        if made.name in taken:
            raise InvalidModel(
                f"{where}: name {made.name!r} is taken by {taken[made.name]}; names are unique"
            )
        taken[made.name] = where.removeprefix(f"{path}: ")
        out.append(made)
    return out


def _entries(
    path: Path, format: Format, key: str, kind: type[T], nested: Mapping[str, type]
) -> Iterator[tuple[str, T]]:
    document = _load(path, format)
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidModel(f"{path}: must be a mapping with a list under {key!r}")
    for index, entry in enumerate(entries):
        where = f"{path}: {key}[{index}]"
        if not isinstance(entry, dict) or not all(isinstance(field, str) for field in entry):
            raise InvalidModel(f"{where} = {show(entry)}: must be a mapping from field to value")
        given = dict(entry)
        count = given.pop("count", 1)
        if type(count) is not int or not 1 <= count <= _MOST:
            raise InvalidModel(f"{where}.count = {show(count)}: must be a whole number from 1 to {_MOST}")
        try:
            made = _made(given, kind, nested)
            if count == 1:
                yield where, made
            else:
                for copy in range(count):
                    yield where, dataclasses.replace(made, name=f"{made.name}-{copy}")
        except InvalidModel as error:
            raise InvalidModel(f"{where}: {error}") from None


def job_of(fields: Mapping[str, Any]) -> Job:
    """Return the job with these fields, as an entry of a document has them.

    Raises
    ------
    InvalidModel
        A field is unknown or wrong.
    """
    return _made(dict(fields), Job, _IN_JOBS)


def _made(given: dict[str, Any], kind: type[T], nested: Mapping[str, type]) -> T:
    for field, inner in nested.items():
        if isinstance(given.get(field), list):
            given[field] = [inner(**item) if _is_fields(item) else item for item in given[field]]
    if kind is Job and isinstance(given.get("rules"), list):
        given["rules"] = [_rule(item) if _is_fields(item) else item for item in given["rules"]]
    return kind(**given)


def _rule(fields: Mapping[str, Any]) -> Rule:
    given = dict(fields)
    name = given.pop("rule", None)
    rule = _RULES.get(name) if isinstance(name, str) else None
    if rule is None:
        raise InvalidModel(f"rules.rule = {show(name)}: must be {', '.join(_RULES)}")
    field, whose = ("nodes", "the nodes") if rule is Prefer else ("jobs", "the other jobs")
    if isinstance(given.get(field), list):
        given[field] = [Selector(**item) if _is_fields(item) else item for item in given[field]]
    if field not in given:
        raise InvalidModel(f"rules.{field}: is missing; give the labels of {whose}")
    return rule(**given)


def _is_fields(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(field, str) for field in item)


def _load(path: Path, format: Format) -> Any:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidModel(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InvalidModel(f"{path}: byte {error.start} is not UTF-8") from None
    try:
        if format == "json":
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        return _load_yaml(text)
    except InvalidModel as error:
        raise InvalidModel(f"{path}: {error}") from None
    except RecursionError:
        raise InvalidModel(f"{path}: is nested too deeply to be a cluster or a list of jobs") from None
    except ValueError as error:
        raise InvalidModel(f"{path}: is no {format.upper()}: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise InvalidModel(f"field {show(key)} is given twice")
        out[key] = value
    return out


def _no_constant(text: str) -> Any:
    raise InvalidModel(f"{text} is no amount")


def _load_yaml(text: str) -> Any:
    yaml = require("yaml", extra="yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc,name-defined]  # imported lazily, hence Any
        """Safe, and a key that comes twice is an error instead of the last one winning."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen and key.value != "<<":
                        raise InvalidModel(
                            f"line {key.start_mark.line + 1}: field {show(key.value)} is given twice"
                        )
                    seen.add(key.value)
            return super().construct_mapping(node, deep=deep)

        def flatten_mapping(self, node: Any) -> None:
            # Merging lists of mappings that merge lists of mappings … fills any memory from a page of text.
            for key, value in node.value:
                if key.tag == "tag:yaml.org,2002:merge" and not isinstance(value, yaml.MappingNode):
                    raise InvalidModel(f"line {key.start_mark.line + 1}: << takes one mapping")
            super().flatten_mapping(node)

    try:
        return yaml.load(text, Loader)  # a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise InvalidModel(f"is no YAML: {' '.join(str(error).split())}") from None
