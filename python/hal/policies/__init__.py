"""The built-in scorers, and policies by name.

Each class says what it assumes, its formula, its cost and its source. A scorer of your own needs only a ``name``
and ``score(job, nodes)``; a package offers one by name through the entry-point group ``hal.policies``.
"""

from __future__ import annotations

from hal.policies.best_fit import BestFit
from hal.policies.carbon import Carbon
from hal.policies.data_locality import DataLocality
from hal.policies.dot_product import DotProduct
from hal.policies.energy import Energy, Power
from hal.policies.expected_waste import ExpectedWaste
from hal.policies.fgd import Fgd
from hal.policies.first_fit import FirstFit
from hal.policies.gpu_clustering import GpuClustering
from hal.policies.gpu_packing import GpuPacking
from hal.policies.measured import Measured
from hal.policies.pack_spread import PackSpread
from hal.policies.price import Price
from hal.policies.profile_fit import ProfileFit
from hal.policies.random import Random
from hal.policies.registry import get, names, register, scorer_of
from hal.policies.spread import Spread
from hal.policies.topology_distance import TopologyDistance
from hal.policies.typical import TypicalTask
from hal.policies.worst_fit import WorstFit

__all__ = [
    "BestFit",
    "Carbon",
    "DataLocality",
    "DotProduct",
    "Energy",
    "ExpectedWaste",
    "Fgd",
    "FirstFit",
    "GpuClustering",
    "GpuPacking",
    "Measured",
    "PackSpread",
    "Power",
    "Price",
    "ProfileFit",
    "Random",
    "Spread",
    "TopologyDistance",
    "TypicalTask",
    "WorstFit",
    "get",
    "names",
    "register",
    "scorer_of",
]

for _scorer in (
    BestFit,
    DotProduct,
    Energy,
    ExpectedWaste,
    Fgd,
    FirstFit,
    GpuClustering,
    GpuPacking,
    PackSpread,
    Power,
    ProfileFit,
    Random,
    Spread,
    TopologyDistance,
    WorstFit,
):
    register(_scorer.name, _scorer)
