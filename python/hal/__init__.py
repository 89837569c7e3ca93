"""hal: an embedded scheduling-policy SDK with a compiled core."""

from hal.errors import AdapterError, HalError, InvalidModel, MissingExtra, PolicyError

__all__ = ["AdapterError", "HalError", "InvalidModel", "MissingExtra", "PolicyError"]
