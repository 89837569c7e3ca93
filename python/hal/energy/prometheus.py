"""What nodes really do, as Prometheus has it: load and watts from the exporters that clusters run anyway."""

from __future__ import annotations

import http.client
import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hal._show import show
from hal.errors import AdapterError, InvalidModel

__all__ = ["LOAD", "WATTS", "Readings", "read_prometheus"]

_BY: Final = "by (node_name, node, Hostname, instance)"
#: Shares of a node's capacity in use; the largest counts. node_exporter's CPUs, the DCGM exporter's GPUs.
LOAD: Final = (
    f'1 - avg {_BY} (rate(node_cpu_seconds_total{{mode="idle"}}[WINDOW]))',
    f"avg {_BY} (DCGM_FI_DEV_GPU_UTIL) / 100",
)
#: Watts. Parts are added up; within a part the first source that knows a node counts. Kepler's other zones lie within
#: the package, or around all of them.
WATTS: Final = (
    (
        f'sum {_BY} (kepler_node_cpu_watts{{zone=~"package|dram"}})',
        f"sum {_BY} (rate(node_rapl_package_joules_total[WINDOW]))",
    ),
    (f"sum {_BY} (DCGM_FI_DEV_POWER_USAGE)",),
)
#: Which labels may name a node, best first.
_NAMES: Final = ("node_name", "node", "Hostname", "instance")
_MOST: Final = 64 * 2**20  # bytes of one answer


@dataclass(frozen=True)
class Readings:
    """What was measured, by node name.

    Attributes
    ----------
    load : mapping of str to float
        Share of the node's CPUs or GPUs in use, whichever is more: 0 … 1.
    watts : mapping of str to float
        Drawn by the node's CPUs, memory and GPUs as far as they are measured; 0 or more.
    """

    load: Mapping[str, float]
    watts: Mapping[str, float]


def read_prometheus(
    url: str,
    nodes: Iterable[str],
    *,
    token: str = "",
    window: str = "2m",
    addresses: Mapping[str, str] | None = None,
    timeout: float = 5.0,
) -> Readings:
    """Ask a Prometheus server how loaded nodes are and what they draw.

    Known are node_exporter (CPU time, RAPL), the DCGM exporter (GPU utilisation and power) and Kepler. A node that an
    exporter does not know is not among the answers; nor is a value that is no number.

    Parameters
    ----------
    url : str
        ``"http://prometheus.monitoring:9090"``, with the path that it is served under.
    nodes : iterable of str
        Names to look for in the labels ``node_name``, ``node``, ``Hostname`` and ``instance`` (without its port).
    token : str
        Bearer token; empty: none. It is sent to this address only, and redirections are refused.
    window : str
        Over which rates are taken, such as ``"2m"``: at least two scrapes.
    addresses : mapping of str to str, optional
        Host of an ``instance`` → node name, where exporters are scraped by address.
    timeout : float
        Seconds for one answer.

    Raises
    ------
    InvalidModel
        The address or window is none.
    AdapterError
        The server cannot be reached, refuses, or says what cannot be.

    Notes
    -----
    Five queries; O(series).
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https") or not urllib.parse.urlsplit(url).hostname:
        raise InvalidModel(f"url = {show(url)}: give http://host:9090")
    if not (window[:-1].isdecimal() and window[-1:] in ("s", "m", "h")):
        raise InvalidModel(f'window = {show(window)}: give a number and s, m or h, such as "2m"')
    names = {name: name for name in nodes}
    known = {**(addresses or {}), **names}

    def ask(query: str) -> dict[str, float]:
        return _by_node(_query(url, query.replace("WINDOW", window), token, timeout), known, names)

    load: dict[str, float] = {}
    for query in LOAD:
        for node, value in ask(query).items():
            load[node] = max(load.get(node, 0.0), min(value, 1.0))
    watts: dict[str, float] = {}
    for part in WATTS:
        first: dict[str, float] = {}
        for query in part:
            first = {**ask(query), **first}
        for node, value in first.items():
            watts[node] = watts.get(node, 0.0) + value
    return Readings(load, watts)


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirection would carry the token elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _query(url: str, query: str, token: str, timeout: float) -> list[Any]:
    asked = f"{url.rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    request = urllib.request.Request(asked, headers={"Accept": "application/json"})
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    # No proxy: the server is one of the cluster's own.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stays())
    try:
        with opener.open(request, timeout=timeout) as answer:
            told = json.loads(answer.read(_MOST))
    except urllib.error.HTTPError as error:
        error.close()
        raise AdapterError(f"Prometheus at {url}: answered {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AdapterError(f"Prometheus at {url}: {type(error).__name__}: {error}") from None
    data = told.get("data") if isinstance(told, dict) else None
    found = data.get("result") if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise AdapterError(f"Prometheus at {url}: the answer is no vector")
    return found


def _by_node(found: list[Any], known: Mapping[str, str], names: Mapping[str, str]) -> dict[str, float]:
    """Return node → value; series of one node, such as those of its exporters, are added up."""
    out: dict[str, float] = {}
    for series in found:
        try:
            labels, value = series["metric"], float(series["value"][1])
            said = [str(labels[label]) for label in _NAMES if label in labels]
        except (TypeError, KeyError, IndexError, ValueError, OverflowError):
            continue
        hosts = [*said, *(text.rpartition(":")[0].strip("[]") for text in said if ":" in text)]
        node = next((known[host] for host in hosts if known.get(host) in names), None)
        if node is not None and math.isfinite(value) and value >= 0:
            out[node] = out.get(node, 0.0) + value
    return out
