"""Slurm: `SlurmAdapter` reads and steers one; `JOB_SUBMIT` is a plugin for slurmctld that asks ``hal serve``."""

from pathlib import Path
from typing import Final

from hal.adapters.slurm.adapter import SlurmAdapter

__all__ = ["JOB_SUBMIT", "SlurmAdapter"]

#: The script that `job_submit.lua` of Slurm is.
JOB_SUBMIT: Final = Path(__file__).with_name("job_submit.lua")
