"""``hal predict``: how good runtime predictions are on a log, and what they buy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal._show import counted
from hal.cli.output import AsJson, console, emit_json, table
from hal.predict.evaluation import SETTING, Evaluation, evaluate
from hal.predict.predictor import PREDICTORS
from hal.replay.workload import read_workload

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Predict runtimes."""


@app.command("evaluate")
def evaluate_logs(
    logs: Annotated[list[Path], typer.Argument(help="SWF, oracle, Philly or Eagle logs, plain or .gz.")],
    predictor: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(PREDICTORS)} (repeatable).", show_default=False)
    ] = None,
    procs: Annotated[int | None, typer.Option(help="Size of the machine, if a log does not say.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay logs under published algorithms and under one setting with each predictor, and compare.

    Predictors learn from scratch in every replay, from what has ended in it. Learning needs the extra [ml].
    """
    names = predictor or ["request", "last_two", "similar", "boosting"]
    answers: list[list[Evaluation]] = []
    for path in logs:
        workload = read_workload(path, processors=procs)
        with console(stderr=True).status("") as status:
            answers.append(evaluate(workload, names, progress=status.update))
    means = {
        answer.name: sum(given[at].bsld for given in answers) / sum(given[0].bsld for given in answers)
        for at, answer in enumerate(answers[0])
    }
    if as_json:
        emit_json(
            {
                "setting": SETTING,
                "logs": [answer.as_dict() for given in answers for answer in given],
                "mean_bsld_over_easy": means,
            }
        )
        return
    for given in answers:
        console().print(_table(given))
    if len(logs) > 1:
        rows = [(name, f"{ratio:.3f}") for name, ratio in means.items()]
        console().print(table("mean over the logs", ["", "AVEbsld / EASY's"], rows))


def _table(given: list[Evaluation]) -> object:
    rows = [
        (
            answer.name,
            f"{answer.accuracy:.3f}",
            f"{answer.mae:,.0f}",
            f"{answer.bsld:.1f}",
            f"{answer.ratio:.2f}",
            f"{answer.wait_max / 86_400:.1f}",
        )
        for answer in given
    ]
    title = f"{given[0].log}: {counted(given[0].jobs, 'job')}; predictors under {', '.join(SETTING.values())}"
    columns = ["", "min/max", "MAE, s", "AVEbsld", "/ EASY's", "longest wait, days"]
    return table(title, columns, rows)
