"""The simulator: a cluster in simulated time, with the models that make packing and spreading differ."""

from hal.replay.simulator.models import Contention, Failures, Sleeping, linear_power
from hal.replay.simulator.run import Context, Controller, simulate
from hal.replay.simulator.simulation import Simulation

__all__ = [
    "Contention",
    "Context",
    "Controller",
    "Failures",
    "Simulation",
    "Sleeping",
    "linear_power",
    "simulate",
]
