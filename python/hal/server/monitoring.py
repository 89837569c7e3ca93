"""A Grafana dashboard and Prometheus alert rules over the metrics of ``hal serve``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["ALERTS", "ROWS", "Alert", "Panel", "dashboard", "rules"]


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes
    ----------
    title, text : str
    queries : tuple of (PromQL, legend)
    unit : str
        Grafana's name of it.
    stacked : bool
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    text: str = ""
    stacked: bool = False


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


def _rate(metric: str, by: str) -> str:
    return f'sum by ({by}) (rate({metric}{{instance=~"$instance"}}[$__rate_interval]))'


def _quantile(share: float, metric: str, by: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{metric}_bucket', f'le, {by}')})"


def _of(metric: str) -> str:
    return f'{metric}{{instance=~"$instance"}}'


def _each(*named: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((_of(f"hal_{metric}"), legend) for metric, legend in named)


#: Title of a row → its panels, three abreast.
ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "Signals": (
        Panel(
            "Coherence σ and diversity H",
            _each(("signal_sigma", "σ"), ("signal_entropy", "H")),
            "percentunit",
            "σ: how evenly load is spread. H: how mixed the jobs of a node are.",
        ),
        Panel(
            "Drift δ",
            _each(("signal_drift", "δ")),
            "short",
            "Growth of the pending work, shares of the cluster's capacity a second.",
        ),
        Panel("Potential Φ", _each(("signal_potential", "Φ")), "short", "Combined tension; 0 at rest."),
        Panel(
            "Knob p",
            _each(("p", "p")),
            "percentunit",
            "0 packs, 1 spreads. Only policies that have the knob show it.",
        ),
        Panel(
            "Stranded and fragmented",
            _each(("signal_stranded", "stranded"), ("signal_fragmentation", "GPU fragmentation")),
            "percentunit",
        ),
        Panel("Utilisation", _each(("signal_utilisation", "used")), "percentunit"),
    ),
    "Work": (
        Panel("Jobs", _each(("jobs_waiting", "wait"), ("jobs_running", "run"))),
        Panel(
            "Placements a second",
            ((_rate("hal_placements_total", "policy, status"), "{{policy}} {{status}}"),),
            "ops",
            stacked=True,
        ),
        Panel(
            "Why nodes reject jobs",
            ((_rate("hal_rejected_nodes_total", "reason"), "{{reason}}"),),
            "ops",
            "Nodes a second, of jobs that were explained or advised on.",
            stacked=True,
        ),
        Panel("Pending work", _each(("signal_pending_work", "share of capacity")), "percentunit"),
        Panel("CPUs", _each(("cpu_capacity_cores", "offered"), ("cpu_free_cores", "free"))),
        Panel("GPUs", _each(("gpu_capacity", "offered"), ("gpu_free", "free"))),
    ),
    "Energy": (
        Panel("Power", _each(("power_watts", "by the power model")), "watt"),
        Panel(
            "Energy of the last hour",
            ((f"avg_over_time({_of('hal_power_watts')}[1h]) / 1000", "kWh"),),
            "kwatth",
        ),
        Panel(
            "Power of a CPU in use",
            (
                (
                    f"{_of('hal_power_watts')} / ({_of('hal_cpu_capacity_cores')} - {_of('hal_cpu_free_cores')})",
                    "W",
                ),
            ),
            "watt",
            "What the cluster draws for each CPU that somebody uses: less where work is packed.",
        ),
    ),
    "Server": (
        Panel(
            "Requests a second",
            ((_rate("hal_requests_total", "route, status"), "{{route}} {{status}}"),),
            "reqps",
            stacked=True,
        ),
        Panel(
            "Time to answer, p99",
            ((_quantile(0.99, "hal_request_seconds", "route"), "{{route}}"),),
            "s",
        ),
        Panel(
            "Time to decide",
            (
                (_quantile(0.5, "hal_place_seconds", "policy"), "{{policy}} p50"),
                (_quantile(0.99, "hal_place_seconds", "policy"), "{{policy}} p99"),
            ),
            "s",
        ),
        Panel(
            "Orchestrator",
            (
                (_of("hal_source_up"), "up to date"),
                (_of("hal_source_silence_seconds"), "seconds of silence"),
            ),
        ),
        Panel(
            "Changes followed a second",
            (
                (_rate("hal_source_changes_total", "instance"), "changes"),
                (_rate("hal_source_faults_total", "instance"), "faults"),
            ),
            "ops",
        ),
        Panel(
            "The process",
            ((_of("process_resident_memory_bytes"), "memory"),),
            "bytes",
        ),
    ),
}

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


def dashboard() -> dict[str, Any]:
    """Return the dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
            }
        )
        top += 1
        for index, panel in enumerate(row):
            where = {"x": index % 3 * 8, "y": top + index // 3 * 8, "w": 8, "h": 8}
            panels.append(_panel(panel, len(panels) + 1, where))
        top += -(-len(row) // 3) * 8
    return {
        "uid": "hal-serve",
        "title": "hal serve",
        "description": "Signals, work, energy and health of hal serve.",
        "tags": ["hal", "scheduling"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_VARIABLES)},
        "panels": panels,
    }


_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_VARIABLES: Final[Sequence[dict[str, Any]]] = (
    {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
    {
        "name": "instance",
        "type": "query",
        "label": "Server",
        "datasource": _SOURCE,
        "query": "label_values(hal_nodes, instance)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
    },
)


def _panel(panel: Panel, number: int, where: dict[str, int]) -> dict[str, Any]:
    drawing = {"fillOpacity": 10, "showPoints": "never"}
    if panel.stacked:
        drawing |= {"stacking": {"mode": "normal"}}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": where,
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": drawing}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "expr": expression,
                "legendFormat": legend,
                "datasource": _SOURCE,
            }
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


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
