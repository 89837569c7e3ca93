"""Slurm: `SlurmAdapter` reads and steers one through its command line."""

from hal.adapters.slurm.adapter import SlurmAdapter

__all__ = ["SlurmAdapter"]
