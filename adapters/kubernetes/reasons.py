"""Why nodes are rejected, in the words of whoever made the pod: selectors of hal's that the pod itself never wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hal.adapters.kubernetes import devices, places, volumes
from hal.adapters.kubernetes.places import NAME, Unsaid, World

import hal

__all__ = ["causes", "worded"]

#: How the core says that a label is not what a job asks for.
_MISMATCH: Final = re.compile(r"node selector: label '([^']*)' does not match")
#: Causes of one reason that are named; pods of a gang may have a volume each.
_MOST: Final = 3


def causes(pods: Iterable[Mapping[str, Any]], world: World) -> dict[str, list[str]]:
    """Return what asks for each label: label key → what is to be said where a node's does not match.

    Parameters
    ----------
    pods : iterable of mapping
        Of one job.
    world : World
    """
    found: dict[str, dict[str, None]] = {}  # in order, each once

    def note(cause: str, selectors: Iterable[hal.Selector]) -> None:
        for one in selectors:
            found.setdefault(one.key, {})[cause] = None

    for pod in pods:
        spec = pod["spec"]
        try:
            note("node selector or affinity", places.selectors(spec, world))
            for cause, asked in volumes.asks(pod, world, "", []):
                note(cause, asked)
            if spec.get("resourceClaims"):
                note("the devices that the pod claims are not there", devices.selectors(pod, world))
        # It changed since the job was made of it, or (RuntimeError) changes now: `hal serve` asks beside who follows.
        except (Unsaid, AttributeError, KeyError, TypeError, ValueError, RuntimeError):
            continue
    return {key: list(said) for key, said in found.items()}


def worded(text: str, known: Mapping[str, list[str]]) -> str:
    """Return a reason that names what asked for a label, not the label alone.

    Parameters
    ----------
    text : str
        In hal's words.
    known : mapping of str to list of str
        As `causes` tells.
    """

    def better(match: re.Match[str]) -> str:
        key = match[1]
        said = known.get(key)
        if not said or (key != NAME and said == ["node selector or affinity"]):
            return match[0]
        more = f" or {len(said) - _MOST} more" if len(said) > _MOST else ""
        where = "" if key == NAME else f" (label '{key}')"
        return " or ".join(said[:_MOST]) + more + where

    return _MISMATCH.sub(better, text)
