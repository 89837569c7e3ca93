"""The Grafana dashboard over the metrics of ``hal serve``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hal.server.panels import ROWS, Panel

__all__ = ["dashboard"]


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
