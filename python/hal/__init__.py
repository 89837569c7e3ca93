"""hal: an embedded scheduling-policy SDK with a compiled core."""

from hal import policies
from hal.cluster import Cluster
from hal.errors import AdapterError, HalError, InvalidModel, MissingExtra, PolicyError
from hal.job_columns import JobColumns
from hal.model import GPU, Job, Node, Selector, Taint, Toleration, gpus
from hal.place import explain, place
from hal.placement import Explanation, Placement, Placements, Status
from hal.policy import Filter, Policy, Scorer

__all__ = [
    "GPU",
    "AdapterError",
    "Cluster",
    "Explanation",
    "Filter",
    "HalError",
    "InvalidModel",
    "Job",
    "JobColumns",
    "MissingExtra",
    "Node",
    "Placement",
    "Placements",
    "Policy",
    "PolicyError",
    "Scorer",
    "Selector",
    "Status",
    "Taint",
    "Toleration",
    "explain",
    "gpus",
    "place",
    "policies",
]
