"""Replays of recorded workloads: what a policy would have done."""

from hal.replay import arrivals
from hal.replay.arrivals import Arrivals
from hal.replay.cluster_replay import ClusterRun, replay_on_cluster
from hal.replay.csv_logs import read_eagle, read_philly
from hal.replay.dependencies import Dependencies
from hal.replay.oracle import ORACLE_ALGORITHMS, Disagreement, check_oracle, read_oracle, read_waits
from hal.replay.queue import Queue
from hal.replay.queue_job import Actions, QueueJob
from hal.replay.queue_replay import replay_queue
from hal.replay.queue_run import QueueRun
from hal.replay.requeue import requeue_overruns
from hal.replay.simulator import (
    Contention,
    Context,
    Controller,
    Failures,
    Simulation,
    Sleeping,
    linear_power,
    simulate,
)
from hal.replay.swf import SwfIssue, SwfLog, read_swf
from hal.replay.workload import Workload, read_workload

__all__ = [
    "ORACLE_ALGORITHMS",
    "Actions",
    "Arrivals",
    "ClusterRun",
    "Contention",
    "Context",
    "Controller",
    "Dependencies",
    "Disagreement",
    "Failures",
    "Queue",
    "QueueJob",
    "QueueRun",
    "Simulation",
    "Sleeping",
    "SwfIssue",
    "SwfLog",
    "Workload",
    "arrivals",
    "check_oracle",
    "linear_power",
    "read_eagle",
    "read_oracle",
    "read_philly",
    "read_swf",
    "read_waits",
    "read_workload",
    "replay_on_cluster",
    "replay_queue",
    "requeue_overruns",
    "simulate",
]
