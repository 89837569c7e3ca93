"""Energy, price and carbon: power models of nodes, offers, carbon intensity, and what Prometheus has measured."""

from hal.energy.carbon import CarbonIntensity
from hal.energy.offer import Offer
from hal.energy.power_model import PUBLISHED_GPUS, PowerCurve, PowerModel, Sleep, cluster_power
from hal.energy.prometheus import Readings, read_prometheus

__all__ = [
    "PUBLISHED_GPUS",
    "CarbonIntensity",
    "Offer",
    "PowerCurve",
    "PowerModel",
    "Readings",
    "Sleep",
    "cluster_power",
    "read_prometheus",
]
