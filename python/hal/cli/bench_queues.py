"""``hal bench queues``: jobs a CPU-second and the schedules they buy, on logs of ``$HAL_TRACES``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from hal.cli.output import AsJson, console, emit_json, table
from hal.errors import InvalidModel
from hal.replay.queue_replay import replay_queue
from hal.replay.queue_run import QueueRun
from hal.replay.workload import Workload, read_workload

__all__ = ["LOGS", "SETTINGS", "Figure", "command", "logs_of", "measure"]

#: Logs in the order of their sizes.
LOGS: Final = ("KTH-SP2_sc15_oracle.csv.gz", "SDSC-BLUE_sc15_oracle.csv.gz", "HPC2N-2002-2.1-cln.swf.gz")
#: (backfill, prediction), the first of which is the yardstick of the ratios.
SETTINGS: Final = (("easy", "requested"), ("easy_sjbf", "last_two"), ("conservative", "requested"))


class Figure(NamedTuple):
    """One log under one setting."""

    log: str
    jobs: int
    backfill: str
    predict: str
    seconds: float
    bsld: float
    wait: float

    @property
    def speed(self) -> float:
        """Jobs a CPU-second."""
        return self.jobs / self.seconds


def logs_of(folder: Path) -> Iterator[Workload]:
    """Read the logs; raise `InvalidModel` when one is missing."""
    for name in LOGS:
        yield read_workload(folder / "swf" / name)


def measure(workload: Workload, backfill: str, predict: str, *, repeat: int) -> tuple[Figure, QueueRun]:
    """Replay ``repeat`` times and keep the least CPU time; the schedule is the same each time."""
    best = float("inf")
    for _ in range(repeat):
        begin = time.process_time()
        run = replay_queue(workload, backfill=backfill, predict=predict)
        best = min(best, time.process_time() - begin)
    slowdown, wait = float(run.bounded_slowdown().mean()), float(run.wait.mean())
    return Figure(workload.name, len(workload), backfill, predict, best, slowdown, wait), run


def command(
    traces: Annotated[
        Path | None, typer.Option(help="Folder of traces; $HAL_TRACES by default.", show_default=False)
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of which the fastest counts.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Measure batch queues: jobs replayed a CPU-second, with mean bounded slowdown and wait beside it."""
    folder = traces or Path(os.environ.get("HAL_TRACES", ""))
    if not (folder / "swf").is_dir():
        raise InvalidModel(f"traces: {str(folder)!r} has no folder swf; set HAL_TRACES or give --traces")
    figures = [
        measure(workload, backfill, predict, repeat=repeat)[0]
        for workload in logs_of(folder)
        for backfill, predict in SETTINGS
    ]
    if as_json:
        emit_json([{**figure._asdict(), "jobs_per_cpu_second": figure.speed} for figure in figures])
        return
    rows = []
    for index, figure in enumerate(figures):
        easy = figures[index - index % len(SETTINGS)]
        rows.append(
            (
                figure.log,
                figure.backfill,
                figure.predict,
                f"{figure.jobs:,}",
                f"{figure.speed:,.0f}",
                f"{figure.seconds / easy.seconds:.1f}",
                f"{figure.bsld:.1f}",
                f"{figure.wait:,.0f}",
            )
        )
    columns = ["log", "backfill", "predict", "jobs", "jobs/CPU-s", "time / EASY's", "AVEbsld", "wait, s"]
    console().print(table("batch queues", columns, rows, left=3))
