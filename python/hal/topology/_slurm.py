"""Topologies from Slurm: ``topology.conf`` (tree and block) and what ``scontrol show topology`` prints."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.topology._hosts import expand_hosts
from hal.topology._levels import Level
from hal.topology._topology import Domain, Topology

_NAMES = ("SwitchName", "BlockName", "AggregatedBlock", "BlockSizes")
# Slurm reads its keys in any case; those hal has no use for are what scontrol adds to the file's.
_KEYS = {
    k.lower(): k for k in (*_NAMES, "Switches", "Nodes", "LinkSpeed", "Level", "BlockIndex", "BlockSize")
}

_Entry = dict[str, str]


def from_slurm(
    source: str | os.PathLike[str], *, levels: Sequence[str | Level] | None = None, root: str | None = None
) -> Topology:
    r"""Read a Slurm topology, tree or block.

    Parameters
    ----------
    source : str or path
        The text itself, or the path of a file (a text without ``=`` is taken for a path).
    levels : sequence of str or Level, optional
        Levels to use instead of the derived ones, from the root down, to name them or give them figures. A
        tree derives ``switch<k>`` with Slurm's level number k, 0 for leaf switches; blocks derive
        ``cluster``, ``block<size>`` for each aggregated size from the largest, and ``block``.
    root : str, optional
        Name of a domain to put above several top switches, at a level of the same name. Without it they are
        an error, since no path is known between them. Blocks: the name of the root, ``"cluster"`` if unset.

    Returns
    -------
    Topology
        Nodes in the order of their first mention.

    Raises
    ------
    hal.InvalidModel
        A line, host list or tree that makes no sense, or a file that cannot be read. The message names it.

    Notes
    -----
    ``BlockSizes=18,72`` aggregates 72 / 18 = 4 consecutive blocks, as Slurm's ``topology/block`` does: each
    size must be the first one times a power of two.

    Examples
    --------
    >>> from_slurm("BlockName=b1 Nodes=n[1-2]\nBlockName=b2 Nodes=n[3-4]\nBlockSizes=2,4")
    <Topology cluster › block4 › block: 4 domains, 4 nodes>
    """
    entries = _parse(_text(source))
    blocks = [e for e in entries if "BlockName" in e[1]]
    switches = [e for e in entries if "SwitchName" in e[1]]
    if blocks and switches:
        raise InvalidModel("slurm topology: both SwitchName and BlockName lines; keep one kind")
    if blocks:
        return _blocks(entries, levels, root or "cluster")
    if switches:
        return _tree(switches, levels, root)
    raise InvalidModel("slurm topology: no SwitchName or BlockName line")


def _text(source: str | os.PathLike[str]) -> str:
    if isinstance(source, str) and ("=" in source or "\n" in source or not source.strip()):
        return source
    path = path_of(source, "source")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InvalidModel(f"slurm topology: cannot read {str(path)!r}: {error}") from None


def _parse(text: str) -> list[tuple[int, _Entry]]:
    """Lines as (number, {key: value}); comments and continuations resolved."""
    entries: list[tuple[int, _Entry]] = []
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        start = start if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        words, pending = (pending + line).split(), ""
        entry: _Entry = {}
        for word in words:
            key, equals, value = word.partition("=")
            name = _KEYS.get(key.lower())
            if not equals or not value or name is None:
                raise InvalidModel(f"slurm topology, line {start}: {word!r} is not a known Key=Value")
            if name in entry:
                raise InvalidModel(f"slurm topology, line {start}: {name} is given twice")
            entry[name] = value
        if not entry:
            continue
        kinds = [name for name in _NAMES if name in entry]
        if len(kinds) != 1:
            raise InvalidModel(f"slurm topology, line {start}: give one of {', '.join(_NAMES)}")
        if kinds[0] in ("SwitchName", "BlockName") and "[" in entry[kinds[0]]:
            what = "switch" if kinds[0] == "SwitchName" else "block"
            raise InvalidModel(
                f"slurm topology, line {start}: {kinds[0]} {entry[kinds[0]]!r} is a list; one {what} a line"
            )
        entries.append((start, entry))
    if pending:
        raise InvalidModel(f"slurm topology, line {start}: the file ends in a continued line")
    return entries


def _hosts(entry: _Entry, key: str, line: int) -> list[str]:
    if key not in entry:
        return []
    try:
        return expand_hosts(entry[key])
    except InvalidModel as error:
        raise InvalidModel(f"slurm topology, line {line}: {error}") from None


def _tree(
    entries: list[tuple[int, _Entry]], levels: Sequence[str | Level] | None, root: str | None
) -> Topology:
    children: dict[str, list[str]] = {}
    nodes: dict[str, list[str]] = {}
    for line, entry in entries:
        name = entry["SwitchName"]
        if name in children:
            raise InvalidModel(f"slurm topology, line {line}: switch {name!r} is given twice")
        children[name] = _hosts(entry, "Switches", line)
        nodes[name] = _hosts(entry, "Nodes", line)
        if not children[name] and not nodes[name]:
            raise InvalidModel(f"slurm topology, line {line}: switch {name!r} has neither Switches nor Nodes")
    parent: dict[str, str] = {}
    for name, below in children.items():
        for child in below:
            if child not in children:
                raise InvalidModel(f"slurm topology: switch {name!r} is above the unknown switch {child!r}")
            if child in parent:
                raise InvalidModel(
                    f"slurm topology: switch {child!r} is below both {parent[child]!r} and {name!r}"
                )
            parent[child] = name
    order = _bottom_up(children)
    height: dict[str, int] = {}
    under: dict[str, set[str]] = {}
    attached: dict[str, str] = {}
    for name in order:
        height[name] = 1 + max((height[c] for c in children[name]), default=-1)
        inherited: set[str] = set().union(*(under.pop(c) for c in children[name]))
        # scontrol repeats at a switch the nodes of the switches below it.
        for node in nodes[name]:
            if node in inherited:
                continue
            if node in attached:
                raise InvalidModel(
                    f"slurm topology: node {node!r} is attached to both {attached[node]!r} and {name!r}"
                )
            attached[node] = name
        under[name] = inherited | set(nodes[name])

    top = max(height.values())
    names: list[str | Level] = [f"switch{k}" for k in range(top, -1, -1)]
    domains = [Domain(n, f"switch{height[n]}", parent.get(n, root)) for n in children]
    if root is not None:
        names.insert(0, root)
        domains.append(Domain(root, root, None))
    return _built(
        names, levels, domains, [(n, attached[n]) for e in children for n in nodes[e] if attached[n] == e]
    )


def _bottom_up(children: dict[str, list[str]]) -> list[str]:
    """Switches so that each comes after those below it; InvalidModel names a cycle."""
    done: set[str] = set()
    order: list[str] = []
    for start in children:
        path: dict[str, None] = {}
        stack = [start]
        while stack:
            name = stack[-1]
            if name in done:
                stack.pop()
                continue
            waiting = [c for c in children[name] if c not in done]
            path[name] = None
            for child in waiting:
                if child in path:
                    raise InvalidModel(f"slurm topology: switches in a cycle through {child!r} and {name!r}")
            if waiting:
                stack.append(waiting[0])
                continue
            stack.pop()
            del path[name]
            done.add(name)
            order.append(name)
    return order


def _blocks(entries: list[tuple[int, _Entry]], levels: Sequence[str | Level] | None, root: str) -> Topology:
    order: list[str] = []
    attached: dict[str, str] = {}
    sizes: set[int] = set()
    for line, entry in entries:
        for key in ("BlockSizes", "BlockSize"):
            sizes.update(_sizes(entry[key], key, line) if key in entry else ())
        name = entry.get("BlockName")
        if name is None:
            continue
        if name in order:
            raise InvalidModel(f"slurm topology, line {line}: block {name!r} is given twice")
        order.append(name)
        hosts = _hosts(entry, "Nodes", line)
        for node in hosts:
            if node in attached:
                raise InvalidModel(
                    f"slurm topology: node {node!r} is attached to both {attached[node]!r} and {name!r}"
                )
            attached[node] = name
    base, *aggregated = sorted(sizes) or [1]
    names: list[str | Level] = [root]
    domains = [Domain(root, root, None)]
    parent = dict.fromkeys(order, root)
    for size in reversed(aggregated):
        count, rest = divmod(size, base)
        if rest or count & (count - 1):
            raise InvalidModel(f"slurm topology: block size {size} is not {base} times a power of two")
        level = f"block{size}"
        names.append(level)
        for start in range(0, len(order), count):
            group = order[start : start + count]
            name = f"{group[0]}..{group[-1]}/{size}"
            domains.append(Domain(name, level, parent[group[0]]))
            parent.update(dict.fromkeys(group, name))
    names.append("block")
    domains.extend(Domain(name, "block", parent[name]) for name in order)
    return _built(names, levels, domains, list(attached.items()))


def _sizes(text: str, key: str, line: int) -> list[int]:
    sizes = []
    for item in text.split(","):
        if not item.isascii() or not item.isdigit() or len(item) > 9 or int(item) < 1:
            raise InvalidModel(f"slurm topology, line {line}: {key} {item!r} is not a positive number")
        sizes.append(int(item))
    return sizes


def _built(
    names: list[str | Level],
    levels: Sequence[str | Level] | None,
    domains: list[Domain],
    nodes: list[tuple[str, str]],
) -> Topology:
    if levels is None:
        return Topology(names, domains, nodes)
    if len(levels) != len(names):
        raise InvalidModel(
            f"slurm topology: {len(levels)} levels given for the {len(names)} of the file: "
            f"{', '.join(map(str, names))}"
        )
    renamed = {
        str(old): new.name if isinstance(new, Level) else new for old, new in zip(names, levels, strict=True)
    }
    return Topology(levels, [Domain(d.name, renamed[d.level], d.parent) for d in domains], nodes)
