"""Controllers: read the signals, turn one knob, p, from pack (0) to spread (1)."""

from hal.control.bayesian import Bayesian
from hal.control.contract import CONTRACT, Advice, Controller, Reading
from hal.control.cost import Cost
from hal.control.heuristic import RULES, Heuristic, Rule
from hal.control.loop import Loop
from hal.control.measures import MEASURES, crowding
from hal.control.mpc import Mpc
from hal.control.outlook import Outlook
from hal.control.pid import Pid
from hal.control.registry import make, names
from hal.control.relay import Gains, Relay
from hal.control.static import Static

__all__ = [
    "CONTRACT",
    "MEASURES",
    "RULES",
    "Advice",
    "Bayesian",
    "Controller",
    "Cost",
    "Gains",
    "Heuristic",
    "Loop",
    "Mpc",
    "Outlook",
    "Pid",
    "Reading",
    "Relay",
    "Rule",
    "Static",
    "crowding",
    "make",
    "names",
]
