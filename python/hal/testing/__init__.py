"""Prove a policy: strategies for everything it meets, a state machine, and the checks that every policy must pass.

Needs the extra ``testing``.

Examples
--------
>>> import hal.testing
>>> results = hal.testing.check_policy(hal.policies.BestFit(), max_examples=5)
>>> [result.check for result in results if result.outcome == "broken"]
[]
"""

from __future__ import annotations

from hal._extras import require

require("hypothesis", extra="testing")

from hal.testing import strategies  # noqa: E402  # after the line that says what to install
from hal.testing.books import Books, Fault, Room  # noqa: E402
from hal.testing.case import Case  # noqa: E402
from hal.testing.checks import CHECKS, Broken, Check  # noqa: E402
from hal.testing.code import code  # noqa: E402
from hal.testing.contracts import check_contract  # noqa: E402
from hal.testing.machine import SafetyMachine, safety_machine  # noqa: E402
from hal.testing.strategies import Limits  # noqa: E402
from hal.testing.subject import Subject  # noqa: E402
from hal.testing.suite import (  # noqa: E402
    CheckFailed,
    Result,
    check_policy,
    parametrize_with_checks,
    run_check,
)

__all__ = [
    "CHECKS",
    "Books",
    "Broken",
    "Case",
    "Check",
    "CheckFailed",
    "Fault",
    "Limits",
    "Result",
    "Room",
    "SafetyMachine",
    "Subject",
    "check_contract",
    "check_policy",
    "code",
    "parametrize_with_checks",
    "run_check",
    "safety_machine",
    "strategies",
]
