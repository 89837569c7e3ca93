"""What users are told of jobs that wait."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from hal.adapters.state import Dropped

import hal

__all__ = ["Reasons", "left_alone", "why"]


@dataclass
class Reasons:
    """Remembers what was said about each job, so that nothing is said twice, and no more than ``most`` at once."""

    said: dict[str, str] = field(default_factory=dict)
    most: int = 500

    def news(self, reasons: Mapping[str, str]) -> dict[str, str]:
        """Return what is new, the first of it, and forget jobs that are not mentioned."""
        new = ((job, text) for job, text in reasons.items() if self.said.get(job) != text)
        fresh = dict(itertools.islice(new, self.most))
        self.said = {job: text for job, text in reasons.items() if job in fresh or self.said.get(job) == text}
        return fresh


def left_alone(item: Dropped) -> str:
    """Return what users are told of a job that is not placed because of what the model cannot say."""
    return f"{'hal waits for' if item.effect == 'waits' else 'left alone by hal:'} {item.field}: {item.value}"


def why(explanation: hal.Explanation) -> str:
    """Return why a job waits, in one line as users of schedulers know it: ``0/5 nodes: 3 …, 2 …; missing …``."""
    counted = sorted(explanation.reasons.items(), key=lambda item: (-item[1], item[0]))
    parts = ", ".join(f"{count} {reason}" for reason, count in counted[:4])
    line = f"{explanation.feasible}/{explanation.nodes} nodes fit"
    if parts:
        line += f": {parts}"
    if explanation.missing:
        line += f"; missing {explanation.missing}"
    return line
