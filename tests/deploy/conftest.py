from __future__ import annotations

# The fixture starts one API server for all tests that ask for it.
from tests.adapters.kubernetes.conftest import kubernetes

__all__ = ["kubernetes"]
