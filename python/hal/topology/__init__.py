r"""Topology: a tree of named levels with a distance, latency and bandwidth each, and nodes attached to it.

>>> import hal.topology
>>> t = hal.topology.from_slurm("SwitchName=a Nodes=n[1-2]\nSwitchName=b Nodes=n3\nSwitchName=s Switches=a,b")
>>> t.distance("n1", "n2"), t.distance("n1", "n3")
(2, 4)
>>> t.distances(["n1", "n3"]).tolist()
[[0, 4], [4, 0]]
"""

from hal.topology._hosts import expand_hosts
from hal.topology._labels import PRESETS, from_labels
from hal.topology._levels import Level
from hal.topology._slurm import from_slurm
from hal.topology._topology import Domain, Topology, distances
from hal.topology._yaml import from_yaml, to_yaml

__all__ = [
    "PRESETS",
    "Domain",
    "Level",
    "Topology",
    "distances",
    "expand_hosts",
    "from_labels",
    "from_slurm",
    "from_yaml",
    "to_yaml",
]
