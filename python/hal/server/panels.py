"""What the Grafana dashboard shows of the metrics of ``hal serve``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ROWS", "Panel"]


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
            ((f"increase({_of('hal_energy_joules_total')}[1h]) / 3.6e6", "kWh"),),
            "kwatth",
            "Added up by the server whenever it looks, so that a scrape that is missed is not lost.",
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
