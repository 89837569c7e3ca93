"""Reservations: when and where requests of a known length run, solved with CP-SAT and checked by the core."""

from hal.reserve.objective import EnergyPrice, Objective
from hal.reserve.plan import Booking, Plan, PlanStatus
from hal.reserve.request import Maintenance, Request
from hal.reserve.solve import solve

__all__ = ["Booking", "EnergyPrice", "Maintenance", "Objective", "Plan", "PlanStatus", "Request", "solve"]
