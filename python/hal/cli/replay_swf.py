"""``hal replay swf``: replay a batch log through a queue, or check replays against known waits."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from hal._show import counted
from hal.cli.names import placing
from hal.cli.output import AsJson, console, emit_json, in_folder, table
from hal.cluster import Cluster
from hal.errors import InvalidModel, PolicyError
from hal.files import format_of, read_nodes
from hal.replay.cluster_replay import replay_on_cluster
from hal.replay.oracle import Disagreement, check_oracle, read_waits
from hal.replay.queue_replay import BACKFILLS, CORRECTIONS, ORDERS, PREDICTIONS, replay_queue
from hal.replay.queue_run import QueueRun
from hal.replay.requeue import requeue_overruns
from hal.replay.workload import Workload, read_workload

__all__ = ["command"]

#: Predictors of `hal.predict` beside the core's own.
_LEARNED = ("user_median", "similar", "boosting", "forest")


def command(
    log: Annotated[Path, typer.Argument(help="SWF, oracle, Philly or Eagle log, plain or .gz.")],
    order: Annotated[str, typer.Option(help=f"Who is next: {', '.join(ORDERS)}.")] = "fcfs",
    backfill: Annotated[str, typer.Option(help=f"Who may overtake: {', '.join(BACKFILLS)}.")] = "easy",
    predict: Annotated[
        str,
        typer.Option(
            help=f"Runtimes to plan by: {', '.join(PREDICTIONS)}, or learned: {', '.join(_LEARNED)}."
        ),
    ] = "requested",
    correct: Annotated[
        str, typer.Option(help=f"When a job outlives its prediction: {', '.join(CORRECTIONS)}.")
    ] = "increments",
    procs: Annotated[int | None, typer.Option(help="Size of the machine, if the log does not say.")] = None,
    overrun: Annotated[
        str, typer.Option(help="Runs beyond their request: kill, extend, ignore or requeue.")
    ] = "kill",
    checkpoint: Annotated[
        int, typer.Option(help="Overrun requeue: seconds between checkpoints, from each start on.")
    ] = 3600,
    think_times: Annotated[
        bool,
        typer.Option("--think-times", help="Submit after the preceding job and the think time of the log."),
    ] = False,
    ageing: Annotated[float, typer.Option(help="Order priority: gain by a second of waiting.")] = 0.0,
    half_life: Annotated[
        float, typer.Option(help="Order fair_share: seconds after which past use counts half.")
    ] = 7 * 86_400.0,
    depth: Annotated[int, typer.Option(help="Backfill slots: jobs examined in a pass.")] = 100,
    window: Annotated[int, typer.Option(help="Backfill slots: seconds planned ahead.")] = 86_400,
    resolution: Annotated[int, typer.Option(help="Backfill slots: seconds of a slot.")] = 60,
    cluster: Annotated[
        Path | None, typer.Option(help="YAML or JSON with nodes to run on, a task of 1 CPU a processor.")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="With --cluster: where tasks go.", autocompletion=placing)
    ] = "best_fit",
    as_csv: Annotated[
        Path | None, typer.Option("--csv", callback=in_folder, help="Write a line a job to this file.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(callback=in_folder, help="Draw the schedule to this file (.png, .svg, .pdf)."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check-oracle", help="Compare with the waits in the log; exit 1 if one differs.")
    ] = False,
    oracle: Annotated[
        list[Path] | None, typer.Option(help="Compare with the waits of this CSV file instead (repeatable).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a batch log through a queue and print waits, bounded slowdowns and utilisation.

    With --check-oracle or --oracle every published algorithm among the columns is replayed instead, and the
    command succeeds only if every job waits exactly as given.
    """
    workload = _read(log, procs, overrun, checkpoint, think_times)
    if check or oracle:
        answers = {str(path): check_oracle(workload, *read_waits(path)) for path in oracle or [log]}
        _print_answers(answers, as_json)
        if any(answer.wrong for given in answers.values() for answer in given):
            raise typer.Exit(1)
        return
    rules: Any = {
        "order": order,
        "backfill": backfill,
        "correct": correct,
        "ageing": ageing,
        "half_life": half_life,
        "depth": depth,
        "window": window,
        "resolution": resolution,
    }
    if cluster is not None:
        nodes = Cluster(read_nodes(cluster, format_of(cluster)))
        run: QueueRun = replay_on_cluster(
            workload, nodes, policy=policy, predict=_predictor(predict), **rules
        )
    else:
        run = replay_queue(workload, predict=_predictor(predict), **rules)
    title = f"{workload.name}: {order}, {backfill}, {predict}"
    if as_csv is not None:
        _write_csv(as_csv, run)
    if plot is not None:
        from hal.replay.plots import save_overview

        save_overview(run, plot, title=title)
    _print_summary(title, run, as_json)


def _read(log: Path, procs: int | None, overrun: str, checkpoint: int, think_times: bool) -> Workload:
    if overrun != "requeue":
        return read_workload(log, processors=procs, overrun=overrun, think_times=think_times)  # type: ignore[arg-type]  # checked there
    workload = read_workload(log, processors=procs, overrun="ignore", think_times=think_times)
    return requeue_overruns(workload, checkpoint=checkpoint)


def _predictor(name: str) -> Any:
    if name in PREDICTIONS:
        return name
    if name not in _LEARNED:
        raise PolicyError(f"predict is {name!r}; use {', '.join((*PREDICTIONS, *_LEARNED))}")
    from hal.predict.predictor import Predictor

    return Predictor(name)


def _print_summary(title: str, run: QueueRun, as_json: bool) -> None:
    workload, figures = run.workload, run.summary()
    if as_json:
        emit_json(
            {
                "log": workload.name,
                "processors": run.processors,
                **figures,
                "left_out": {str(job): reason for job, reason in workload.left_out.items()},
                "issues": list(workload.issues),
            }
        )
        return
    rows = [
        ("jobs", f"{len(workload):,}"),
        ("processors", f"{run.processors:,}"),
        ("wait, mean", _duration(figures["wait_mean"])),
        ("wait, median", _duration(figures["wait_median"])),
        ("wait, 95 %", _duration(figures["wait_p95"])),
        ("wait, longest", _duration(figures["wait_max"])),
        ("bounded slowdown, mean", f"{figures['bsld_mean']:.2f}"),
        ("bounded slowdown, median", f"{figures['bsld_median']:.2f}"),
        ("utilisation", f"{100 * figures['utilisation']:.1f} %"),
        ("makespan", _duration(figures["makespan"])),
    ]
    console().print(table(title, ["", "value"], rows))
    _print_oddities(workload)


def _print_oddities(workload: Workload, most: int = 5) -> None:
    out = console(stderr=True)
    for reason, count in workload.left_out_counts.items():
        jobs = [str(job) for job, why in workload.left_out.items() if why == reason][:most]
        out.print(
            f"left out, {reason}: {counted(count, 'job')} ({', '.join(jobs)}{', …' if count > most else ''})"
        )
    for issue in workload.issues[:most]:
        out.print(issue)
    if len(workload.issues) > most:
        out.print(f"… and {len(workload.issues) - most:,} more lines with oddities (all with --json)")


def _print_answers(answers: dict[str, list[Disagreement]], as_json: bool) -> None:
    if as_json:
        emit_json(
            [
                {
                    "file": path,
                    "algorithm": answer.column,
                    "jobs": answer.jobs,
                    "wrong": answer.wrong,
                    **_first(answer),
                }
                for path, given in answers.items()
                for answer in given
            ]
        )
        return
    for path, given in answers.items():
        rows = [
            (answer.column, f"{answer.jobs:,}", f"{answer.wrong:,}", _first_text(answer)) for answer in given
        ]
        console().print(table(Path(path).name, ["algorithm", "jobs", "wrong", "first wrong"], rows))


def _first(answer: Disagreement) -> dict[str, Any]:
    if answer.first is None:
        return {}
    job, expected, got = answer.first
    return {"first_wrong": {"job": job, "expected": expected, "got": got}}


def _first_text(answer: Disagreement) -> str:
    if answer.first is None:
        return "–"
    job, expected, got = answer.first
    return f"job {job}: {expected} s, replayed {got} s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02}:{rest:02}"


def _write_csv(path: Path, run: QueueRun) -> None:
    workload, slowdown = run.workload, run.bounded_slowdown()
    columns = (workload.job, workload.submit, run.start, run.end, run.wait, workload.procs, workload.run)
    try:
        with path.open("w", newline="", encoding="ascii") as file:
            out = csv.writer(file)
            out.writerow(["job", "submit", "start", "end", "wait", "procs", "run", "predicted", "bsld"])
            for row in zip(
                *(column.tolist() for column in columns), run.first_guess.tolist(), slowdown, strict=True
            ):
                out.writerow([*row[:-1], f"{row[-1]:.4f}"])
    except OSError as error:
        raise InvalidModel(f"csv: cannot write {str(path)!r}: {error.strerror}") from None
