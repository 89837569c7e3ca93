"""hal: an embedded scheduling-policy SDK with a compiled core."""

from hal import policies, queues
from hal.answer import Explanation, Placement, Status
from hal.cluster import Cluster
from hal.errors import AdapterError, HalError, InvalidModel, MissingExtra, PolicyError
from hal.gang import Gang
from hal.gpu import GPU, PARTITION_TABLES, gpus
from hal.job_columns import JobColumns
from hal.missing import Missing
from hal.model import Job, Node, Selector, Taint, Toleration
from hal.native import NativeFilter, NativeScorer, get_include
from hal.place import explain, place
from hal.placements import Placements
from hal.policy import Filter, Policy, Scorer
from hal.preempt import Budget, Preemption, Victim, preempt
from hal.queues import Queue, QueueTree
from hal.rebalance import Move, Rebalance, rebalance
from hal.rules import Affinity, AntiAffinity, Prefer, Spread
from hal.survey import Survey, survey

__all__ = [
    "GPU",
    "PARTITION_TABLES",
    "AdapterError",
    "Affinity",
    "AntiAffinity",
    "Budget",
    "Cluster",
    "Explanation",
    "Filter",
    "Gang",
    "HalError",
    "InvalidModel",
    "Job",
    "JobColumns",
    "Missing",
    "MissingExtra",
    "Move",
    "NativeFilter",
    "NativeScorer",
    "Node",
    "Placement",
    "Placements",
    "Policy",
    "PolicyError",
    "Preemption",
    "Prefer",
    "Queue",
    "QueueTree",
    "Rebalance",
    "Scorer",
    "Selector",
    "Spread",
    "Status",
    "Survey",
    "Taint",
    "Toleration",
    "Victim",
    "explain",
    "get_include",
    "gpus",
    "place",
    "policies",
    "preempt",
    "queues",
    "rebalance",
    "survey",
]
