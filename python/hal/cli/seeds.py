"""Seeds as options name them."""

from __future__ import annotations

import re

from hal.errors import InvalidModel

__all__ = ["seed_range"]


def seed_range(text: str) -> list[int]:
    """Return the seeds of ``"42"`` or ``"42:52"``, without the end.

    Raises
    ------
    InvalidModel
        It is neither, or holds none or more than 1000.
    """
    match = re.fullmatch(r"(\d{1,9})(?::(\d{1,9}))?", text)
    if match is None:
        raise InvalidModel(f"--seeds {text}: must be a seed such as 42, or a range such as 42:52")
    first = int(match[1])
    numbers = list(range(first, int(match[2]) if match[2] else first + 1))
    if not 1 <= len(numbers) <= 1000:
        raise InvalidModel(f"--seeds {text}: must hold 1 … 1000 seeds")
    return numbers
