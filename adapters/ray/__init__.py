"""Ray: `scheduler` places tasks, actors and placement groups by hal; `RayAdapter` is what it stands on."""

from hal.adapters.ray.adapter import RayAdapter
from hal.adapters.ray.scheduler import Scheduler, scheduler
from hal.adapters.ray.submissions import ActorSubmission, GangSubmission, Submission, TaskSubmission

__all__ = [
    "ActorSubmission",
    "GangSubmission",
    "RayAdapter",
    "Scheduler",
    "Submission",
    "TaskSubmission",
    "scheduler",
]
