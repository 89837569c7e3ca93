"""Energy, price and carbon: power models of nodes, offers, and the carbon intensity of electricity."""

from hal.energy.carbon import CarbonIntensity
from hal.energy.offer import Offer
from hal.energy.power_model import PUBLISHED_GPUS, PowerCurve, PowerModel, Sleep, cluster_power

__all__ = [
    "PUBLISHED_GPUS",
    "CarbonIntensity",
    "Offer",
    "PowerCurve",
    "PowerModel",
    "Sleep",
    "cluster_power",
]
