"""What is read of the live cluster now and then: the signals, the queue, power, and the knob that follows them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from hal.cluster import Cluster
from hal.control import Controller
from hal.control import Loop as ControlLoop
from hal.energy import PowerModel, cluster_power
from hal.server.live import Live
from hal.server.meter import Meter
from hal.signals import Monitor, Signals

__all__ = ["Readings"]

#: p is rounded to it: each p is a policy of its own to the core, whose scores are made anew.
_STEP: Final = 0.01


class Readings:
    """Reads a live cluster.

    Parameters
    ----------
    live : Live
    controller : Controller, optional
        Given each reading of `turn`; kept in bounds by `hal.control.Loop`.
    power : PowerModel, optional
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        live: Live,
        *,
        controller: Controller | None = None,
        power: PowerModel | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.live, self.power, self.clock = live, power, clock
        self._loop = None if controller is None else ControlLoop(controller)
        self.meter = None if power is None else Meter()
        self._reading = threading.Lock()  # two scrapes at once must not both tell the monitor what is new
        self._cluster: Cluster | None = None
        self._monitor: Monitor
        self._known: set[str] = set()

    @property
    def controlled(self) -> float | None:
        """The controller's p; None without one."""
        return None if self._loop is None else round(self._loop.p / _STEP) * _STEP

    @property
    def control_fault(self) -> str | None:
        """Why p does not move; None when it is well, or there is no controller."""
        return None if self._loop is None else self._loop.fault

    def turn(self) -> None:
        """Read the power, and let the controller see the signals."""
        with self._reading, self.live.lock:
            self._watts()
        if self._loop is not None:
            with self._reading, self.live.lock:
                signals = self._signals()
            self._loop.observe(signals)

    def gauges(self) -> dict[str, tuple[str, float]]:
        """Name → (help, value) of everything that is read when it is scraped."""
        live = self.live
        with self._reading, live.lock:
            signals = self._signals()
            cluster, columns = live.cluster, live.cluster.columns
            present = columns.present.astype(bool)
            values: dict[str, tuple[str, float]] = {
                "nodes": ("Nodes in the cluster.", len(cluster)),
                "jobs_running": ("Jobs that hold resources.", len(cluster.jobs())),
                "jobs_waiting": ("Jobs that wait.", len(live.waiting)),
                "cpu_capacity_cores": ("CPUs offered.", columns.capacity_cpu[present].sum() / 1000),
                "cpu_free_cores": ("CPUs free.", columns.free_cpu[present].sum() / 1000),
                "gpu_capacity": ("GPUs offered.", columns.gpu_count[present].sum()),
                "gpu_free": ("GPUs free, shares added up.", columns.gpu_total_free[present].sum() / 1000),
            }
            if (watts := self._watts()) is not None:
                values["power_watts"] = "Drawn by all nodes, by the power model.", watts
        for name, text in _SIGNALS.items():
            value = float(getattr(signals, name))
            if math.isfinite(value):
                values[f"signal_{name}"] = text, value
        values |= {
            "source_up": ("Whether the live cluster is up to date.", float(not live.fault)),
            "source_silence_seconds": ("Since the orchestrator last answered.", live.silence),
        }
        return values

    def _watts(self) -> float | None:
        if self.power is None or self.meter is None:
            return None
        watts = float(cluster_power(self.live.cluster, self.power).sum())
        self.meter.read(watts, self.clock())
        return watts

    def _signals(self) -> Signals:
        now = self.clock()
        if self._cluster is not self.live.cluster:  # everything was read again
            self._cluster, self._known = self.live.cluster, set()
            self._monitor = Monitor(self._cluster)
        waiting = self.live.waiting
        fresh = [job for name, job in waiting.items() if name not in self._known]
        if fresh:
            self._monitor.submitted(fresh, now=now)
        left = self._known.difference(waiting)
        if left:
            self._monitor.started(sorted(left), now=now)
        self._known = set(waiting)
        return self._monitor.read(now)


_SIGNALS: Final[Mapping[str, str]] = {
    "sigma": "Coherence: how evenly load is spread, 0 to 1.",
    "entropy": "Diversity of job classes on a node, 0 to 1.",
    "drift": "Growth of pending work, share of capacity a second.",
    "potential": "Combined tension, 0 at rest.",
    "fragmentation": "Share of free GPUs that typical tasks cannot use.",
    "stranded": "Share of free capacity without its complement.",
    "utilisation": "Share of capacity in use.",
    "pending_work": "What waits asks for, share of capacity.",
}
