"""The checks by name: importing this package enters all of them."""

from __future__ import annotations

from hal.testing.checks import answers, cost, placement, scores, state  # noqa: F401  # entered in this order
from hal.testing.checks.registry import CHECKS, Broken, Check, NotAsked, find

__all__ = ["CHECKS", "Broken", "Check", "NotAsked", "find"]
