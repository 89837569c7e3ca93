"""The OpenB GPU trace: loaders, the published experiment, its metrics and its published results."""

from hal.replay.openb.compare import Check, Margin, check, margins
from hal.replay.openb.experiment import Experiment, Run, run, traces_folder
from hal.replay.openb.metrics import allocation, curve, fragmentation, power
from hal.replay.openb.orders import draw_orders, read_orders
from hal.replay.openb.policies import published_policy
from hal.replay.openb.published import POLICIES, SEEDS, TRACES, Published, read_published
from hal.replay.openb.rebalanced import Rebalanced, idle_floor, run_rebalanced
from hal.replay.openb.trace import Nodes, Tasks, read_nodes, read_tasks

__all__ = [
    "POLICIES",
    "SEEDS",
    "TRACES",
    "Check",
    "Experiment",
    "Margin",
    "Nodes",
    "Published",
    "Rebalanced",
    "Run",
    "Tasks",
    "allocation",
    "check",
    "curve",
    "draw_orders",
    "fragmentation",
    "idle_floor",
    "margins",
    "power",
    "published_policy",
    "read_nodes",
    "read_orders",
    "read_published",
    "read_tasks",
    "run",
    "run_rebalanced",
    "traces_folder",
]
