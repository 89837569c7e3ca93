"""Workloads for the simulator: jobs that arrive by a random process, or at the times of a recorded log."""

from hal.replay.arrivals.arrivals import Arrivals
from hal.replay.arrivals.mix import Mix
from hal.replay.arrivals.processes import bursty, diurnal, poisson
from hal.replay.arrivals.recorded import openb, philly, swf

__all__ = ["Arrivals", "Mix", "bursty", "diurnal", "openb", "philly", "poisson", "swf"]
