"""What a shell offers where an option takes a name."""

from __future__ import annotations

from importlib.metadata import entry_points

from hal import policies

__all__ = ["adapters", "placing"]


def placing(begun: str) -> list[str]:
    """Return the policies whose names begin so."""
    return [name for name in policies.names() if name.startswith(begun)]


def adapters(begun: str) -> list[str]:
    """Return the installed adapters whose names begin so; none of them is imported."""
    return [name for name in sorted(entry_points(group="hal.adapters").names) if name.startswith(begun)]
