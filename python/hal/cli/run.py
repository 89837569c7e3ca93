"""``hal run``: place the jobs of an orchestrator, again and again."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hal.cli.adapter import Name, Options, connect
from hal.cli.logs import Format, configure
from hal.cli.measuring import Measuring
from hal.cli.names import placing
from hal.cli.run_metrics import RunMetrics
from hal.cli.run_traces import RunTraces

if TYPE_CHECKING:
    from hal.adapters.loop import Loop, Round
    from hal.policy import Policy

__all__ = ["command"]

log = logging.getLogger("hal.run")

#: Environment variable with the token for Prometheus, where it wants one.
_TOKEN = "HAL_PROMETHEUS_TOKEN"


def command(
    adapter: Name,
    option: Options = None,
    policy: Annotated[
        str, typer.Option(help="Policy by name, as `hal policies` lists them.", autocompletion=placing)
    ] = "best_fit",
    order: Annotated[str, typer.Option(help="given, priority, largest_first or smallest_first.")] = "given",
    interval: Annotated[float, typer.Option(help="Seconds between two decisions.", min=0.01)] = 1.0,
    lock: Annotated[Path | None, typer.Option(help="Decide only while holding a lock on this file.")] = None,
    rounds: Annotated[int, typer.Option(help="Stop after so many; 0: run until told to stop.", min=0)] = 0,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            help="Serve metrics for Prometheus, /live and /ready on this port; 0: any free one.",
            min=0,
            max=65535,
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(help="Address to serve them on; they tell how many jobs there are, and no names.")
    ] = "127.0.0.1",
    prometheus: Annotated[
        str, typer.Option(help="Address of a Prometheus server that knows the nodes' load and watts.")
    ] = "",
    load_weight: Annotated[float, typer.Option(help="Of a low measured load, beside the policy.")] = 0.0,
    watts_weight: Annotated[float, typer.Option(help="Of few measured watts, beside the policy.")] = 0.0,
    log_format: Format = "json",
) -> None:
    """Place what waits, and go on until SIGTERM or SIGINT; the step that has begun is ended first."""
    from hal._tracing import export_as_told, tracer
    from hal.adapters.lock import FileLock
    from hal.adapters.loop import Loop

    configure(log_format)
    traced = export_as_told("hal-run")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    held = FileLock(lock) if lock is not None else None
    if held is not None and not held.acquire():
        log.info("another one decides", extra={"lock": str(lock)})
        while not held.acquire():
            if stop.wait(1.0):
                return
    source = connect(adapter, option)
    loop = Loop(source, policy=policy, order=order)
    done = 0

    def report(this: Round) -> None:
        nonlocal done
        done += 1
        if metrics is not None:
            metrics.round(this)
        if traces is not None:
            traces.round(this)
        if this.placements:
            log.info("decided", extra=_figures(this))
        if rounds and done >= rounds:
            stop.set()

    metrics = measuring = None
    traces = RunTraces(source, policy, tracer()) if traced else None
    try:
        if prometheus:
            measuring = _measure(loop, prometheus, policy, {"load": load_weight, "watts": watts_weight})
            measuring.start()
        if metrics_port is not None:
            metrics = RunMetrics(loop, policy, metrics_port, host=metrics_host)
            log.info("metrics", extra={"address": f"http://{metrics_host}:{metrics.port}/metrics"})
        log.info("running", extra={"adapter": adapter, "policy": policy})
        loop.run(stop, interval=interval, report=report)
    finally:
        if measuring is not None:
            measuring.close()
        if metrics is not None:
            metrics.close()
        source.close()
        if held is not None:
            held.release()
    log.info("stopped", extra={"rounds": done})


def _measure(loop: Loop, url: str, policy: str, weights: Mapping[str, float]) -> Measuring:
    from hal.energy import Readings, read_prometheus
    from hal.policies import get

    def read() -> Readings:
        return read_prometheus(url, loop.node_names(), token=os.environ.get(_TOKEN, ""))

    def take(composed: Policy) -> None:
        loop.policy = composed

    return Measuring(get(policy), weights, read, take)


def _figures(this: Round) -> dict[str, Any]:
    return {
        "jobs": len(this.placements),
        "outcomes": dict(this.outcomes()),
        "waiting": this.waiting,
        "decide_s": round(this.decide_s, 6),
        "apply_s": round(this.apply_s, 6),
    }
