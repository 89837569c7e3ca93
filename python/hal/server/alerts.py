"""Prometheus alert rules over the metrics of ``hal serve``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["ALERTS", "Alert", "rules"]


@dataclass(frozen=True)
class Alert:
    """One rule: it fires when ``value`` compares so with ``bound`` for some time.

    Attributes
    ----------
    name, summary, advice : str
    value : str
        PromQL of what is looked at.
    compare, bound : str, float
    minutes : int
        How long.
    severity : {"critical", "warning", "info"}
    """

    name: str
    value: str
    compare: str
    bound: float
    minutes: int
    severity: str
    summary: str
    advice: str = field(default="")

    @property
    def expression(self) -> str:
        """PromQL that has a value while something is wrong."""
        return f"{self.value} {self.compare} {self.bound:g}"


ALERTS: Final[tuple[Alert, ...]] = (
    Alert(
        "HalAbsent",
        'sum(up{job="hal"})',
        "<",
        1,
        2,
        "critical",
        "No hal serve answers",
        "Schedulers that ask it fall back to their own choice, or wait. Look at its logs.",
    ),
    Alert(
        "HalNotFollowing",
        "hal_source_up",
        "<",
        1,
        2,
        "critical",
        "hal serve is not up to date with its orchestrator",
        "/ready says why; hal_source_faults_total counts the tries.",
    ),
    Alert(
        "HalFailing",
        'sum by (instance) (rate(hal_requests_total{status=~"5.."}[5m])'
        " or rate(hal_requests_total[5m]) * 0) / sum by (instance) (rate(hal_requests_total[5m]))",
        ">",
        0.01,
        5,
        "critical",
        "More than 1 % of requests fail in hal serve",
        "The log lines of those requests have their ids and the error.",
    ),
    Alert(
        "HalSlow",
        "histogram_quantile(0.99, sum by (instance, le) (rate(hal_place_seconds_bucket[5m])))",
        ">",
        0.05,
        10,
        "warning",
        "1 % of decisions take longer than 50 ms",
        "Requests of many jobs, policies in Python, or too little CPU.",
    ),
    Alert(
        "HalRefusing",
        'sum by (instance) (rate(hal_requests_total{status=~"401|429"}[5m]) or rate(hal_requests_total[5m]) * 0)',
        ">",
        1,
        10,
        "warning",
        "Callers are turned away",
        "401: a token is wrong. 429: a caller asks more often than --rate allows.",
    ),
    Alert(
        "HalBacklogGrows",
        "avg_over_time(hal_signal_drift[30m])",
        ">",
        0.0002,
        30,
        "warning",
        "More work comes than the cluster does",
        "In half an hour the queue grew by more than a third of the cluster.",
    ),
    Alert(
        "HalStranded",
        "avg_over_time(hal_signal_stranded[1h])",
        ">",
        0.4,
        60,
        "info",
        "Much of what is free lacks its complement",
        "Free CPUs without memory or GPUs, or the other way round: try a policy that fits shapes, or rebalance.",
    ),
)


def rules() -> dict[str, Any]:
    """Return the alert rules, as Prometheus reads them."""
    return {
        "groups": [
            {
                "name": "hal",
                "rules": [
                    {
                        "alert": alert.name,
                        "expr": alert.expression,
                        "for": f"{alert.minutes}m",
                        "labels": {"severity": alert.severity},
                        "annotations": {"summary": alert.summary, "description": alert.advice},
                    }
                    for alert in ALERTS
                ],
            }
        ]
    }
