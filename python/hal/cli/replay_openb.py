"""``hal replay openb``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import Progress

from hal.cli.names import placing
from hal.cli.openb_energy import asks_for_energy, energy_report, energy_table
from hal.cli.output import AsJson, console, emit_json, in_folder, table
from hal.cli.seeds import seed_range
from hal.errors import HalError, InvalidModel
from hal.replay import openb
from hal.replay.openb.metrics import PERCENTS


def command(
    *,
    policy: Annotated[
        list[str] | None, typer.Option(help="Policy by name; may come several times.", autocompletion=placing)
    ] = None,
    trace: Annotated[
        list[str] | None, typer.Option(help="Published trace or CSV of tasks; default: all nine.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="One seed, or first:end without the end.")] = "42:52",
    check_published: Annotated[
        bool,
        typer.Option("--check-published", help="Exit with 1 unless every run agrees with the published one."),
    ] = False,
    versus: Annotated[
        str | None, typer.Option("--vs", help="Print margins over 'published' (FGD's) or a published policy.")
    ] = None,
    rebalance: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Then move this share of the placed tasks, and place what was dropped."
        ),
    ] = None,
    as_json: AsJson = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", callback=in_folder, help="Write every run's curves.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(callback=in_folder, help="Draw allocation against arrived demand (PNG, SVG, PDF)."),
    ] = None,
) -> None:
    """Replay the OpenB GPU trace and compare with the published tables. Reads $HAL_TRACES/openb."""
    names, traces, numbers = policy or ["fgd"], trace or list(openb.TRACES), seed_range(seeds, most=10_000)
    published = openb.read_published(openb.traces_folder() / "openb") if check_published or versus else None
    against = "fgd" if versus == "published" else versus
    if against is not None and against not in openb.POLICIES:
        raise InvalidModel(f"--vs {against}: must be published, or one of {', '.join(openb.POLICIES)}")
    energy = asks_for_energy(names)
    if energy and "fgd" not in names:
        names = [*names, "fgd"]
    runs = _replay(names, traces, numbers)
    names = list(dict.fromkeys(done.policy for done in runs))

    report: dict[str, Any] = {"runs": [_summary(done) for done in runs]}
    tables = [_run_table(runs)]
    if energy:
        report["energy"] = energy_report(runs)
        tables.append(energy_table(report["energy"]))
    failed = False
    if published is not None and check_published:
        checks = openb.check(runs, published)
        failed = not all(item.agrees for item in checks)
        report["checks"] = [vars(item) for item in checks]
        tables.append(_check_table(names, checks))
    if published is not None and against is not None:
        report["margins"] = []
        for name in names:
            won = openb.margins([done for done in runs if done.policy == name], published, against=against)
            report["margins"] += [{"policy": name, **vars(item), "gain": item.gain} for item in won]
            tables.append(_margin_table(name, against, won))
    if rebalance is not None:
        moved = [
            openb.run_rebalanced(openb.Experiment.load(of), name, seed, rebalance)
            for of in traces
            for name in names
            for seed in numbers
        ]
        report["rebalanced"] = [vars(item) | {"used": item.used, "possible": item.possible} for item in moved]
        tables.append(_rebalance_table(moved))
    if csv_file is not None:
        _write_csv(csv_file, runs)
    if plot is not None:
        from hal.replay.openb.plot import save_plot

        save_plot(plot, runs)
    if as_json:
        emit_json(report)
    else:
        out = console()
        for item in tables:
            out.print(item)
        if check_published:
            out.print("every run agrees with the published results" if not failed else "NOT every run agrees")
    if failed:
        raise typer.Exit(1)


def _replay(names: Sequence[str], traces: Sequence[str], seeds: Sequence[int]) -> list[openb.Run]:
    runs: list[openb.Run] = []
    with _progress(len(names) * len(traces) * len(seeds)) as step:
        for trace in traces:
            experiment = openb.Experiment.load(trace)
            for name in names:
                for seed in seeds:
                    runs.append(openb.run(experiment, name, seed))
                    step(f"{name} on {experiment.trace}")
    return runs


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    screen = console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda text: bar.update(task, advance=1, description=text)


def _summary(done: openb.Run) -> dict[str, Any]:
    return {
        "trace": done.trace,
        "policy": done.policy,
        "seed": done.seed,
        "arrivals": done.arrivals,
        "placed": done.placed,
        "allocation": {str(at): _at(done.allocation, at) for at in (100, 130)},
        "fragmentation": {str(at): _at(done.fragmentation, at) for at in (100, 130)},
        "placements_per_second": round(done.arrivals / done.seconds) if done.seconds else None,
    }


def _at(values: Any, percent: int) -> float | None:
    return round(float(values[percent]), 4) if np.isfinite(values[percent]) else None


def _run_table(runs: Sequence[openb.Run]) -> Any:
    rows = []
    for trace, name in dict.fromkeys((done.trace, done.policy) for done in runs):
        group = [done for done in runs if (done.trace, done.policy) == (trace, name)]
        allocated = np.mean([done.allocation for done in group], axis=0)
        lost = np.mean([done.fragmentation for done in group], axis=0)
        speed = sum(done.arrivals for done in group) / max(sum(done.seconds for done in group), 1e-9)
        cells = [f"{value[at]:.2f}" for value in (allocated, lost) for at in (100, 130)]
        rows.append((trace, name, len(group), *cells, f"{speed:,.0f}"))
    columns = ("trace", "policy", "runs", "alloc@100", "alloc@130", "frag@100", "frag@130", "placements/s")
    return table("Mean over the runs, % of GPU capacity", columns, rows, left=2)


def _check_table(names: Sequence[str], checks: Sequence[openb.Check]) -> Any:
    rows = []
    for trace in dict.fromkeys(item.trace for item in checks):
        group = [item for item in checks if item.trace == trace]
        worst = max(item.allocation for item in group), max(item.fragmentation for item in group)
        agree = sum(item.agrees for item in group)
        rows.append((trace, f"{agree}/{len(group)}", f"{worst[0]:.4f}", f"{worst[1]:.4f}"))
    title = f"Largest difference from the published runs, points ({', '.join(names)})"
    return table(title, ("trace", "agree", "allocation", "fragmentation"), rows)


def _margin_table(name: str, against: str, won: Sequence[openb.Margin]) -> Any:
    rows = [
        (item.trace, *(f"{v:.2f}" for v in (*item.published, *item.ours)), *(f"{v:+.2f}" for v in item.gain))
        for item in won
    ]
    mean = np.mean([item.gain for item in won], axis=0)
    rows.append(("mean", "", "", "", "", f"{mean[0]:+.2f}", f"{mean[1]:+.2f}"))
    columns = (
        "trace",
        f"{against}@100",
        f"{against}@130",
        f"{name}@100",
        f"{name}@130",
        "gain@100",
        "gain@130",
    )
    return table(f"Allocation against the published {against}, points", columns, rows)


def _rebalance_table(moved: Sequence[openb.Rebalanced]) -> Any:
    rows = []
    for trace, name in dict.fromkeys((item.trace, item.policy) for item in moved):
        group = [item for item in moved if (item.trace, item.policy) == (trace, name)]
        numbers = np.mean(
            [(i.idle, i.allowed, i.moves, i.used, i.possible, i.after) for i in group], axis=0
        ).tolist()
        idle, allowed, moves, used, possible, after = numbers
        cells = (
            f"{idle:.2f}",
            f"{allowed:.0f}",
            f"{moves:.0f}",
            f"{used:.2f}",
            f"{possible:.2f}",
            f"{after:.2f}",
        )
        rows.append((trace, name, len(group), *cells))
    columns = (
        "trace",
        "policy",
        "runs",
        "idle",
        "allowed",
        "moves",
        "put to use",
        "possible by any moves",
        "idle after",
    )
    return table("After the moves and with what had been dropped, % of GPU capacity", columns, rows, left=2)


def _write_csv(path: Path, runs: Sequence[openb.Run]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["metric", "trace", "policy", "seed", *range(PERCENTS)])
            for done in runs:
                for metric in ("allocation", "fragmentation"):
                    values = (f"{value:.4f}" for value in getattr(done, metric))
                    writer.writerow([metric, done.trace, done.policy, done.seed, *values])
    except OSError as error:
        raise HalError(f"{path}: cannot be written ({error.strerror})") from None
