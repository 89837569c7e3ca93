"""Waiting for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["PATIENCE", "until"]

#: Seconds after which nothing is expected any more. A test that passes never waits so long, however busy the machine.
PATIENCE = 300.0


def until(true: Callable[[], bool], what: str = "", *, every: float = 0.05) -> None:
    """Look until something is so.

    Parameters
    ----------
    true : callable
        Whether it is; an error of it is the test's.
    what : str, optional
        What is waited for, for the message.
    every : float, optional
        Seconds between looks.
    """
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what or 'what was waited for'}"
        time.sleep(every)
