"""Nodes and their network in hal's model. Pure."""

from __future__ import annotations

import re
from typing import Final

from hal.adapters.contract import Dropped
from hal.adapters.slurm.records import NodeRecord, parse_gres

import hal
import hal.topology

__all__ = ["NODE", "node_model", "topology_of"]

#: Label with the node's own name.
NODE: Final = "slurm/node"


def node_model(node: NodeRecord, dropped: list[Dropped]) -> hal.Node:
    """Return a node; its partitions and features are labels, its GPUs devices, other GRES resources."""
    gpus: list[hal.GPU] = []
    resources: dict[str, int] = {}
    try:
        for gres in parse_gres(node.gres):
            if gres.name == "gpu":
                gpus += hal.gpus(min(gres.count, 64 - len(gpus)), gres.type or "gpu")
                if gres.count > 64:
                    dropped.append(Dropped(f"node {node.name}", "gres", node.gres, "ignored"))
            else:
                key = f"gres/{gres.name}"
                resources[key] = resources.get(key, 0) + gres.count
    except hal.AdapterError as error:
        dropped.append(Dropped(f"node {node.name}", "gres", str(error), "ignored"))
    labels = {NODE: node.name}
    labels |= {f"partition/{name}": "1" for name in node.partitions}
    labels |= {f"feature/{name}": "1" for name in node.features}
    return hal.Node(
        node.name,
        cpus=node.cpus,
        memory=max(node.memory, 0),
        gpus=gpus,
        resources=resources,
        labels=labels,
        schedulable=not node.closed,
    )


def topology_of(text: str) -> hal.topology.Topology | None:
    """Return the tree that ``scontrol -o show topology`` prints; None for a flat network."""
    lines = []
    for line in text.splitlines():
        value = dict(re.findall(r"(\w+)=(\S+)", line))
        if "SwitchName" in value and "Switches" in value:
            lines.append(f"SwitchName={value['SwitchName']} Switches={value['Switches']}")
        elif "SwitchName" in value and "Nodes" in value:
            lines.append(f"SwitchName={value['SwitchName']} Nodes={value['Nodes']}")
        elif "BlockName" in value and "Nodes" in value:
            lines.append(f"BlockName={value['BlockName']} Nodes={value['Nodes']}")
    return hal.topology.from_slurm("\n".join(lines)) if lines else None
