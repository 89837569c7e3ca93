"""The explicit YAML form of a topology."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from hal._doors import must_be, path_of
from hal._extras import require
from hal.errors import InvalidModel
from hal.topology._hosts import expand_hosts
from hal.topology._levels import Level
from hal.topology._topology import Domain, Topology

_LEVEL_KEYS = {"name", "distance", "latency", "bandwidth"}
_DOMAIN_KEYS = {"name", "level", "nodes", "domains"}


def from_yaml(source: str | os.PathLike[str]) -> Topology:
    """Read a topology from YAML (or JSON, which YAML contains).

    Parameters
    ----------
    source : str or path
        The text itself, or the path of a file (a text without ``:`` or a line end is taken for a path).

    Returns
    -------
    Topology

    Raises
    ------
    hal.InvalidModel
        Not YAML, unknown or missing keys, or a tree that breaks a rule of `Topology`.
    hal.MissingExtra
        PyYAML is not installed.

    Notes
    -----
    ``levels`` lists names, or mappings with ``name`` and optionally ``distance``, ``latency`` and
    ``bandwidth``, from the root down. ``tree`` is the root domain: a ``name``, optionally a ``level`` (the
    next below its parent's if unset), ``nodes`` (a list, or a host-range text) and ``domains`` below it.

    Examples
    --------
    >>> from_yaml("{levels: [top, leaf], tree: {name: s, domains: [{name: a, nodes: 'n[1-2]'}]}}").path("n1")
    ('s', 'a')
    """
    yaml = require("yaml", extra="yaml")
    text = source if isinstance(source, str) and (":" in source or "\n" in source) else None
    path = path_of("" if text is not None else source, "source")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8") if text is None else text)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidModel(f"topology yaml: cannot read {str(source)[:80]!r}: {error}") from None
    data = _mapping(data, "the document", {"levels", "tree"}, {"levels", "tree"})
    if not isinstance(data["levels"], list):
        raise InvalidModel("topology yaml: levels must be a list, from the root down")
    levels = [
        Level(**_mapping(level, "a level", _LEVEL_KEYS, {"name"}))
        if isinstance(level, dict)
        else Level(level)
        for level in data["levels"]
    ]
    names = [level.name for level in levels]
    domains: list[Domain] = []
    nodes: list[tuple[str, str]] = []
    for domain, below in _walk(data["tree"], names):
        domains.append(domain)
        nodes.extend((node, domain.name) for node in below)
    return Topology(levels, domains, nodes)


def _mapping(value: Any, what: str, keys: set[str], needed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidModel(f"topology yaml: {what} is {str(value)[:80]!r}; give a mapping")
    for key in value:
        if key not in keys:
            raise InvalidModel(
                f"topology yaml: unknown key {key!r} of {what}; it has {', '.join(sorted(keys))}"
            )
    for key in sorted(needed):
        if key not in value:
            raise InvalidModel(f"topology yaml: {what} {value.get('name', '')!r} lacks {key!r}")
    return value


def _walk(tree: Any, names: list[str]) -> Iterator[tuple[Domain, list[str]]]:
    """Domains of the nested mappings, parents first, with the nodes attached to each."""
    stack: list[tuple[Any, str | None, int]] = [(tree, None, -1)]
    seen: set[str] = set()  # here already, since an alias may make the document endless
    while stack:
        value, parent, above = stack.pop()
        entry = _mapping(value, f"a domain below {parent!r}" if parent else "tree", _DOMAIN_KEYS, {"name"})
        name, level = entry["name"], entry.get("level")
        if not isinstance(name, str) or name in seen:
            raise InvalidModel(f"topology yaml: domain {name!r} is not a text or given twice; rename it")
        seen.add(name)
        if level is None:
            if above + 1 >= len(names):
                raise InvalidModel(f"topology yaml: domain {name!r} is below the last level; add a level")
            level = names[above + 1]
        if level not in names:
            raise InvalidModel(f"topology yaml: domain {name!r} is at the unknown level {level!r}")
        nodes = entry.get("nodes") or []
        if isinstance(nodes, str):
            nodes = expand_hosts(nodes)
        below = entry.get("domains") or []
        if not isinstance(nodes, list) or not isinstance(below, list):
            raise InvalidModel(f"topology yaml: nodes and domains of {name!r} must be lists")
        yield Domain(name, level, parent), nodes
        stack.extend((child, name, names.index(level)) for child in reversed(below))


def to_yaml(topology: Topology) -> str:
    """Write a topology as YAML that `from_yaml` reads back to an equal one up to the order of its nodes.

    Nodes come out in depth-first order, which reading and writing again keeps.
    """
    yaml = require("yaml", extra="yaml")
    levels = [
        {
            key: value
            for key, value in (
                ("name", level.name),
                ("distance", level.distance),
                ("latency", level.latency),
                ("bandwidth", level.bandwidth),
            )
            if value != 0 or key == "distance"
        }
        for level in must_be(topology, Topology, "topology").levels
    ]
    rows: dict[str, dict[str, Any]] = {}
    for domain in topology.domains:
        rows[domain.name] = {"name": domain.name, "level": domain.level}
        if domain.parent is not None:
            rows[domain.parent].setdefault("domains", []).append(rows[domain.name])
    names = list(rows)
    for node in topology.node_order.tolist():
        rows[names[topology.node_domain[node]]].setdefault("nodes", []).append(topology.nodes[node])
    for row in rows.values():
        if "domains" in row:
            row["domains"] = row.pop("domains")  # nodes before the domains below, as one reads
    text: str = yaml.safe_dump(
        {"levels": levels, "tree": rows[names[0]]}, sort_keys=False, allow_unicode=True, width=110
    )
    return text
