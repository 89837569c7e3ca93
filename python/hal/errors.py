"""The exceptions of hal. They mean misuse or a fault; a job that does not fit is an answer, not an error."""


class HalError(Exception):
    """Root of every exception that hal raises on purpose."""


class InvalidModel(HalError, ValueError):
    """A cluster, job, file or array breaks a rule of the model. Nothing was changed."""


class PolicyError(HalError):
    """A policy is unknown, badly set up, or failed while it scored. Nothing was changed."""


class AdapterError(HalError):
    """An orchestrator could not be reached or answered nonsense."""


class MissingExtra(HalError, ImportError):
    """An optional dependency is not installed; the message says which command installs it."""
