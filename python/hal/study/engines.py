"""Where cells run: in this process, in several on this machine, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

from hal._extras import require
from hal._show import show
from hal.errors import InvalidModel
from hal.study.cell import Cell
from hal.study.store import Store

__all__ = ["ENGINES", "run_cells"]

Results = Iterator[tuple[Cell, dict[str, float]]]

ENGINES: Final = ("local", "ray")
_AHEAD: Final = 4  # cells in flight a worker


def run_cells(
    cells: Sequence[Cell],
    store: Store,
    *,
    engine: str = "local",
    workers: int = 1,
    address: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Run the cells whose figures the store lacks.

    Parameters
    ----------
    cells : sequence of Cell
    store : Store
        Written after each cell, so that a run that was stopped goes on where it stopped.
    engine : {"local", "ray"}
    workers : int
        Local processes; 1: this one.
    address : str, optional
        Of the Ray cluster. Default: one that is connected already, or a new local one.
    progress : callable, optional
        Called with (done, all).

    Returns
    -------
    int
        How many were run.

    Raises
    ------
    InvalidModel
        No such engine, or a cell cannot be run.
    MissingExtra
        Ray is not installed: ``pip install 'hal-core[ray]'``.
    """
    if engine not in ENGINES:
        raise InvalidModel(f"engine = {show(engine)}: must be one of {', '.join(ENGINES)}")
    left = [cell for cell in dict.fromkeys(cells) if cell not in store]
    done = len(cells) - len(left)
    if progress is not None:
        progress(done, len(cells))
    if engine == "ray" and left:
        results = _ray(left, address)
    elif workers > 1 and len(left) > 1:
        results = _processes(left, workers)
    else:
        results = ((cell, cell.run()) for cell in left)
    for cell, figures in results:
        store.add(cell, figures)
        done += 1
        if progress is not None:
            progress(done, len(cells))
    return len(left)


def _run(cell: Cell) -> dict[str, float]:
    return cell.run()


def _processes(cells: Sequence[Cell], workers: int) -> Results:
    # Spawned, not forked: a fork of a process that has threads may hang.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {pool.submit(_run, cell): cell for cell in cells}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _ray(cells: Sequence[Cell], address: str | None) -> Results:
    ray: Any = require("ray", extra="ray")
    started = not ray.is_initialized()
    if started:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    try:
        task = ray.remote(num_cpus=1, max_retries=3)(_run)
        width = max(int(ray.cluster_resources().get("CPU", 1)), 1) * _AHEAD
        waiting, running = list(reversed(cells)), dict[Any, Cell]()
        while waiting or running:
            while waiting and len(running) < width:
                cell = waiting.pop()
                running[task.remote(cell)] = cell
            (ready,), _ = ray.wait(list(running), num_returns=1)
            yield running.pop(ready), ray.get(ready)
    finally:
        if started:
            ray.shutdown()
