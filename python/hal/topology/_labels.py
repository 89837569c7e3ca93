"""Topologies from node labels, as Kubernetes carries them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hal.errors import InvalidModel
from hal.topology._levels import Level
from hal.topology._topology import Domain, Topology

_REGION_ZONE = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")

#: Label keys that clouds and operators set, from the root down. Source: their documentation.
PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kubernetes": _REGION_ZONE,
        "gke": (
            *_REGION_ZONE,
            *(f"cloud.google.com/gce-topology-{k}" for k in ("block", "subblock", "host")),
        ),
        "aws": (*_REGION_ZONE, *(f"topology.k8s.aws/network-node-layer-{k}" for k in range(1, 5))),
        "coreweave": (
            *_REGION_ZONE,
            "backend.coreweave.cloud/fabric",
            "backend.coreweave.cloud/leafgroup",
            "ds.coreweave.com/nvlink.domain",
        ),
        "oci": (
            *_REGION_ZONE,
            "oci.oraclecloud.com/host.network_block_id",
            "oci.oraclecloud.com/host.rack_id",
        ),
        "nvidia": (*_REGION_ZONE, "nvidia.com/gpu.clique"),
        "topograph": (*_REGION_ZONE, *(f"fabric.topograph.run/tier-{k}" for k in range(7, -1, -1))),
        "topograph-legacy": (
            *_REGION_ZONE,
            *(f"network.topology.nvidia.com/{k}" for k in ("core", "spine", "leaf", "accelerator")),
        ),
    }
)


def from_labels(
    nodes: Mapping[str, Mapping[str, str]],
    levels: str | Sequence[str | Level],
    *,
    root: str = "cluster",
) -> Topology:
    """Build a topology from the labels of nodes.

    Two nodes share a domain when they agree on its label and on those of all levels above it, so that rack
    ``1`` of one zone is not rack ``1`` of another. A node without the label of a level skips that level.

    Parameters
    ----------
    nodes : mapping of str to mapping of str to str
        Labels of each node by its name, in node order.
    levels : str, or sequence of str or Level
        Label keys from the widest to the nearest, or the name of one of `PRESETS`. Of a preset, the levels
        that no node is labelled with are left out; a key given by the caller must occur.
    root : str
        Name of the level, and of the domain, put above them all.

    Returns
    -------
    Topology
        Domains are named by their path, ``"eu-west/eu-west-1/rack7"``.

    Raises
    ------
    hal.InvalidModel
        An unknown preset, a level that no node is labelled with, or labels that are not texts.

    Examples
    --------
    >>> from_labels({"a": {"zone": "1", "rack": "x"}, "b": {"zone": "2", "rack": "x"}}, ["zone", "rack"])
    <Topology cluster › zone › rack: 5 domains, 2 nodes>
    """
    if not isinstance(nodes, Mapping):
        raise InvalidModel(
            f"from_labels: nodes of type {type(nodes).__name__}; give a mapping name -> labels"
        )
    chosen = _chosen(nodes, levels)
    keys = [level.name if isinstance(level, Level) else level for level in chosen]
    domains: dict[str, Domain] = {root: Domain(root, root, None)}
    attached: list[tuple[str, str]] = []
    for node, labels in nodes.items():
        if not isinstance(labels, Mapping):
            raise InvalidModel(f"from_labels: labels of node {node!r} are {labels!r}; give a mapping")
        at = root
        for key in keys:
            value = labels.get(key)
            if value is None or value == "":
                continue
            if not isinstance(value, str):
                raise InvalidModel(f"from_labels: label {key!r} of node {node!r} is {value!r}; give a text")
            name = value if at == root else f"{at}/{value}"
            # Another domain may have this name: other levels skipped, or a '/' inside a value.
            while domains.get(name, domain := Domain(name, key, at)) != domain:
                name += f" ({key})"
            domains.setdefault(name, domain)
            at = name
        attached.append((node, at))
    return Topology([root, *chosen], domains.values(), attached)


def _chosen(
    nodes: Mapping[str, Mapping[str, str]], levels: str | Sequence[str | Level]
) -> Sequence[str | Level]:
    present = {key for labels in nodes.values() if isinstance(labels, Mapping) for key in labels}
    if isinstance(levels, str):
        if levels not in PRESETS:
            raise InvalidModel(f"from_labels: unknown preset {levels!r}; there are {', '.join(PRESETS)}")
        found = [key for key in PRESETS[levels] if key in present]
        if not found:
            raise InvalidModel(
                f"from_labels: no node has a label of preset {levels!r}; it looks for "
                f"{', '.join(PRESETS[levels])}"
            )
        return found
    if not isinstance(levels, Sequence):
        raise InvalidModel(f"from_labels: levels={levels!r}; give label keys from the widest to the nearest")
    for level in levels:
        key = level.name if isinstance(level, Level) else level
        if key not in present:
            raise InvalidModel(f"from_labels: no node has the label {key!r}; correct or drop the level")
    return levels
