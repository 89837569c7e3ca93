"""Seeds as options name them."""

from __future__ import annotations

import re

from hal.errors import InvalidModel

__all__ = ["seed_range"]


def seed_range(text: str, *, most: int = 1000) -> list[int]:
    """Return the seeds of ``"42"`` or ``"42:52"``, without the end.

    Raises
    ------
    InvalidModel
        It is neither, or holds none or more than ``most``.
    """
    match = re.fullmatch(r"(\d{1,9})(?::(\d{1,9}))?", text)
    if match is None:
        raise InvalidModel(f"--seeds {text}: must be a seed such as 42, or a range such as 42:52")
    first = int(match[1])
    end = int(match[2]) if match[2] else first + 1
    if end <= first:
        raise InvalidModel(
            f"--seeds {text}: holds none, as the end is left out; write {first}:{first + 1} for one"
        )
    if end - first > most:
        raise InvalidModel(f"--seeds {text}: holds {end - first:,} seeds; give at most {most:,}")
    return list(range(first, end))
