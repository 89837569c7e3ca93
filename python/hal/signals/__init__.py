"""Signals of a cluster: how evenly it is loaded, how mixed, how its queue grows, and how tense that is."""

from hal.signals.compute import compute
from hal.signals.monitor import Monitor
from hal.signals.signals import Signals, Weights

__all__ = ["Monitor", "Signals", "Weights", "compute"]
