"""A real Prometheus scrapes a live ``hal serve`` under load: every panel and every rule has something to say."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from hal.server.alerts import ALERTS, rules
from hal.server.panels import ROWS
from tests.conftest import CI
from tests.server.live import TOKEN, prometheus, serve
from tests.waiting import until

pytestmark = pytest.mark.server

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: hal
    authorization: {{credentials_file: {token}}}
    static_configs: [{{targets: ["{target}"]}}]
"""


def ask(address: str, stop: threading.Event) -> None:
    """Call every route until told to stop."""
    job = {"name": "j", "cpus": 2}
    with httpx.Client(
        base_url=address, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=30
    ) as client:
        while not stop.is_set():
            client.post("/v1/place", json={"jobs": [job, {"name": "k", "cpus": 50}]})
            client.post("/v1/place", json={"jobs": [job], "policy": "fgd"})
            client.post("/v1/explain", json={"job": {"name": "k", "cpus": 50}})
            client.post("/v1/advise", json={"most": 50, "explained": 3})
            client.post("/v1/release", json={"jobs": ["j"]})
            time.sleep(0.05)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory) -> Iterator[tuple[str, str]]:  # type: ignore[no-untyped-def]
    """Yield the addresses of hal and of Prometheus, once there is something to see."""
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            if CI:
                pytest.fail(f"no {program}: run tools/servers.sh")
            pytest.skip(f"no {program}")
    folder: Path = tmp_path_factory.mktemp("monitoring")
    (folder / "rules.yml").write_text(yaml.safe_dump(rules()))
    (folder / "token").write_text(TOKEN)
    stop = threading.Event()
    with serve(folder, "--controller", "heuristic", "--power") as hal:
        config = CONFIG.format(
            rules=folder / "rules.yml", token=folder / "token", target=hal.removeprefix("http://")
        )
        with prometheus(folder / "prometheus", config) as server:
            asking = threading.Thread(target=ask, args=(hal, stop))
            asking.start()
            try:
                until(lambda: len(result(server, "count_over_time(hal_nodes[1m]) > 8")) == 1, "scrapes")
                yield hal, server
            finally:
                stop.set()
                asking.join()


def result(server: str, query: str) -> list[Any]:
    told = httpx.get(f"{server}/api/v1/query", params={"query": query}, trust_env=False).json()
    assert told["status"] == "success", (query, told)
    found: list[Any] = told["data"]["result"]
    return found


@pytest.mark.parametrize(
    ("title", "query"),
    [(panel.title, query) for row in ROWS.values() for panel in row for query, _ in panel.queries],
)
def test_panel_has_data(scraped: tuple[str, str], title: str, query: str) -> None:
    live = query.replace("$__rate_interval", "10s").replace("$instance", ".*")

    def told() -> bool:
        values = [float(series["value"][1]) for series in result(scraped[1], live)]
        return any(value == value for value in values)  # NaN is no data

    until(told, f"{title}: {live}")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_rule_looks_at_data(scraped: tuple[str, str], alert: Any) -> None:
    _, server = scraped
    until(lambda: bool(result(server, alert.value.replace("[5m]", "[10s]"))), alert.value)

    def health() -> str:
        (group,) = httpx.get(f"{server}/api/v1/rules", trust_env=False).json()["data"]["groups"]
        (state,) = [rule for rule in group["rules"] if rule["name"] == alert.name]
        return str(state["health"])

    until(lambda: health() != "unknown", "the rule is looked at")
    assert health() == "ok"


def test_metrics_are_named_as_prometheus_wants(scraped: tuple[str, str]) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    text = httpx.get(f"{scraped[0]}/metrics", headers=headers, trust_env=False).content
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert told.returncode == 0, told.stderr.decode()


#: For each rule, the series that must make it fire, as promtool writes them: value, then what is added each minute.
BAD = {
    "HalAbsent": {'up{job="hal", instance="a"}': "0x200"},
    "HalNotFollowing": {'hal_source_up{instance="a"}': "0x200"},
    "HalFailing": {
        'hal_requests_total{instance="a", status="500", route="/v1/place"}': "0+60x200",
        'hal_requests_total{instance="a", status="200", route="/v1/place"}': "0+600x200",
    },
    "HalSlow": {
        'hal_place_seconds_bucket{instance="a", le="0.05"}': "0+97x200",
        'hal_place_seconds_bucket{instance="a", le="0.1"}': "0+100x200",
        'hal_place_seconds_bucket{instance="a", le="+Inf"}': "0+100x200",
    },
    "HalRefusing": {'hal_requests_total{instance="a", status="401", route="other"}': "0+90x200"},
    "HalBacklogGrows": {'hal_signal_drift{instance="a"}': "0.0003x200"},
    "HalStranded": {'hal_signal_stranded{instance="a"}': "0.5x200"},
}
GOOD = {
    'up{job="hal", instance="a"}': "1x200",
    'hal_source_up{instance="a"}': "1x200",
    'hal_requests_total{instance="a", status="500", route="/v1/place"}': "0+1x200",
    'hal_requests_total{instance="a", status="401", route="other"}': "0+2x200",
    'hal_requests_total{instance="a", status="200", route="/v1/place"}': "0+600x200",
    'hal_place_seconds_bucket{instance="a", le="0.05"}': "0+100x200",
    'hal_place_seconds_bucket{instance="a", le="0.1"}': "0+100x200",
    'hal_place_seconds_bucket{instance="a", le="+Inf"}': "0+100x200",
    'hal_signal_drift{instance="a"}': "0.0001x200",
    'hal_signal_stranded{instance="a"}': "0.2x200",
}


def test_rules_fire_when_they_should_and_only_then(scraped: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules()))
    told = subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True)
    assert told.returncode == 0, told.stdout.decode() + told.stderr.decode()
    tests = []
    for alert in ALERTS:
        labels = {"severity": alert.severity} | ({} if alert.name == "HalAbsent" else {"instance": "a"})
        noted = {"summary": alert.summary, "description": alert.advice}
        fires = [{"exp_labels": labels, "exp_annotations": noted}]
        for series, firing in ((BAD[alert.name], fires), (GOOD, [])):
            tests.append(
                {
                    "interval": "1m",
                    "input_series": [{"series": key, "values": value} for key, value in series.items()],
                    "alert_rule_test": [{"eval_time": "130m", "alertname": alert.name, "exp_alerts": firing}],
                }
            )
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yml").write_text(json.dumps(document))
    told = subprocess.run(
        ["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
