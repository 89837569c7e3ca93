"""Plugins: what can be plugged in, which version of the contract it was written for, and what is installed.

A package offers a part by name through an entry point of the group of its kind, ``hal.policies``,
``hal.controllers``, ``hal.predictors``, ``hal.adapters``, ``hal.stores`` or ``hal.data_planes``, and says with
``contract = (1, 0)`` which version of the contract it was written for.

Examples
--------
>>> import hal.plugins
>>> hal.plugins.KINDS["store"].group
'hal.stores'
"""

from hal.plugins.contracts import (
    KINDS,
    DataPlane,
    Guess,
    Kind,
    Placer,
    Predictor,
    WrongContract,
    contract_of,
)
from hal.plugins.finding import Plugin, find, load, load_object

__all__ = [
    "KINDS",
    "DataPlane",
    "Guess",
    "Kind",
    "Placer",
    "Plugin",
    "Predictor",
    "WrongContract",
    "contract_of",
    "find",
    "load",
    "load_object",
]
