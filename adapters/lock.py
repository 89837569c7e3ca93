"""One decider at a time on one machine; where an orchestrator has leases, its adapter's lock spans machines."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

import hal

__all__ = ["FileLock", "Lock"]


class Lock(Protocol):
    """Held by one decider among several."""

    def acquire(self) -> bool:
        """Take or renew it; False while another holds it."""
        ...

    def release(self) -> None:
        """Let another have it; harmless when not held."""
        ...


class FileLock:
    """A lock on a file: the system lets go of it when the process ends, however it ends.

    Parameters
    ----------
    path : path
        Made when it is not there, readable by its owner only.

    Raises
    ------
    AdapterError
        It can be neither made nor opened, or is a link.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = -1

    def acquire(self) -> bool:
        """Take it; False while another process holds it."""
        if self._file >= 0:
            return True
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise hal.AdapterError(f"lock = {str(self.path)!r}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let another have it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
