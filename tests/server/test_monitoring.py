"""The dashboard and the rules, as text."""

from __future__ import annotations

import json
from typing import Any

import yaml

from hal.cli.app import run
from hal.server.alerts import ALERTS
from hal.server.dashboard import dashboard
from hal.server.panels import ROWS


def holds(big: Any, small: Any) -> bool:
    """Whether everything in ``small`` is in ``big``."""
    if isinstance(small, dict):
        return isinstance(big, dict) and all(key in big and holds(big[key], small[key]) for key in small)
    if isinstance(small, list):
        return isinstance(big, list) and len(big) == len(small) and all(map(holds, big, small))
    return bool(big == small)


def test_grafana_knows_every_field() -> None:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    made = dashboard()
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(made)))
    assert holds(again, made)
    assert not holds(again, made | {"colour": "red"})


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    panels = dashboard()["panels"]
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken
        taken |= cells
    assert max(x for x, _ in taken) == 23
    assert len({panel["id"] for panel in panels}) == len(panels) == len(ROWS) + sum(map(len, ROWS.values()))


def test_are_printed(capsys) -> None:  # type: ignore[no-untyped-def]
    assert run(["monitoring", "dashboard"]) == 0
    assert json.loads(capsys.readouterr().out) == dashboard()
    assert run(["monitoring", "alerts"]) == 0
    (group,) = yaml.safe_load(capsys.readouterr().out)["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [alert.name for alert in ALERTS]
