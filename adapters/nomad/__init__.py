"""Nomad: `NomadAdapter` reads and steers one through its HTTP API."""

from hal.adapters.nomad.adapter import NomadAdapter

__all__ = ["NomadAdapter"]
