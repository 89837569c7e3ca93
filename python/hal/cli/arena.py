"""``hal arena``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hal.arena import contest, page, report
from hal.arena.page import number
from hal.cli.objects import listed, policy_named
from hal.cli.output import AsJson, console, emit_json, table, write_text
from hal.cli.progress import progress
from hal.cli.seeds import seed_range
from hal.errors import InvalidModel
from hal.policy import Policy
from hal.replay import openb
from hal.replay.openb.synthetic import synthetic_nodes, synthetic_tasks

__all__ = ["command"]


def command(
    *,
    policies: Annotated[
        str, typer.Option(help="Names joined by commas, or package.module:Name.")
    ] = "best_fit,fgd,random",
    traces: Annotated[
        str, typer.Option(help="OpenB traces or CSVs joined by commas; 'synthetic' needs no files.")
    ] = "synthetic",
    seeds: Annotated[str, typer.Option(help="One seed, or first:end without the end.")] = "42:52",
    jobs: Annotated[
        int, typer.Option(min=1, max=100_000, help="Tasks of the replay that measures waits.")
    ] = 600,
    tasks: Annotated[
        int, typer.Option(min=1, max=10**6, help="Tasks that 'synthetic' draws for one full cluster.")
    ] = 8000,
    out: Annotated[Path | None, typer.Option(help="Write the JSON here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay the same traces under several policies; compare them with intervals and paired tests.

    A policy counts as better only where a mark says so: the others may be luck.
    """
    given = {text: _policy(text) for text in listed("--policies", policies)}
    asked, numbers = listed("--traces", traces), seed_range(seeds)
    experiments = [_experiment(name, tasks) for name in asked]
    with progress(len(given) * len(experiments) * len(numbers)) as step:
        found = report(contest(given, experiments, numbers, jobs=jobs, step=step))
    for path, text in (
        (out, json.dumps(found, indent=1, allow_nan=False)),
        (html, page(found) if html else ""),
    ):
        if path is not None:
            write_text(path, text)
    if as_json:
        emit_json(found)
        return
    screen = console()
    screen.print(_means(found))
    screen.print(_comparisons(found))
    screen.print(_wins(found))


def _policy(text: str) -> Policy | str:
    if ":" in text:
        return policy_named(text)
    from hal.place import resolve

    resolve(text, None)  # unknown names are refused before anything runs
    return text


def _experiment(name: str, tasks: int) -> openb.Experiment:
    if name.endswith(".swf") or name.endswith(".swf.gz"):
        raise InvalidModel(
            f"--traces {name}: a batch log counts processors and knows no nodes, so that every policy gives the same "
            "answer; use hal replay swf"
        )
    if name == "synthetic":
        return openb.Experiment(name, synthetic_nodes(), synthetic_tasks(tasks, seed=1))
    return openb.Experiment.load(name)


def _means(found: dict[str, Any]) -> Any:
    rows = []
    for name in found["policies"]:
        cells = []
        for metric in found["metrics"]:
            row = found["summary"][name][metric["name"]]
            half = "" if row["low"] is None else f" ± {number(row['high'] - row['mean'])}"
            cells.append(number(row["mean"]) + half)
        rows.append((name, *cells))
    head = [f"{metric['name']} {metric['unit']}" for metric in found["metrics"]]
    return table("Means with 95 % intervals", ("policy", *head), rows)


def _comparisons(found: dict[str, Any]) -> Any:
    rows = [
        (
            row["metric"],
            row["policy"],
            row["against"],
            f"{row['mean_difference']:+.4g}",
            f"{row['wins']}/{row['ties']}/{row['losses']}",
            "–" if row["p_adjusted"] is None else f"{row['p_adjusted']:.3g} {row['mark']}",
        )
        for row in found["comparisons"]
    ]
    head = ("metric", "policy", "against", "difference", "wins/ties/losses", "p, adjusted")
    return table("Paired comparisons (Wilcoxon, Holm)", head, rows, left=3)


def _wins(found: dict[str, Any]) -> Any:
    names = found["policies"]
    rows = [(a, *("–" if a == b else found["wins"][a][b] for b in names)) for a in names]
    return table("How often the row beat the column, speed aside", ("", *names), rows)
