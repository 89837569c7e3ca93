"""What every test may use: the real traces, and how hard Hypothesis tries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

CI = os.environ.get("CI", "").lower() in {"1", "true"}

# `ci` replays the same examples on every run: a red run is about the commit, not about luck. `dev` explores.
# Sanitizers slow everything tenfold, hence fewer examples and no health check on time.
settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("fuzz", max_examples=2000, deadline=None)
settings.register_profile(
    "sanitizer",
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE")
    or ("sanitizer" if os.environ.get("HAL_SANITIZER") else "ci" if CI else "dev")
)


@pytest.fixture(scope="session")
def traces() -> Path:
    """Return the folder of real traces, ``$HAL_TRACES``; without it CI fails and anyone else skips."""
    folder = Path(os.environ.get("HAL_TRACES") or "/nonexistent")
    if (folder / "openb").is_dir():
        return folder
    message = f"HAL_TRACES={os.environ.get('HAL_TRACES')!r} names no folder of traces"
    if CI:
        pytest.fail(message)
    pytest.skip(message)
