"""Compares two runs of ``hal bench place``: a ratio a row, and whether it is beyond the noise of the rounds.

Another hour, the same machine is faster or slower; so each round's times are counted in units of a fixed work in numpy
that was timed just before. A change is only called one where the rounds of one run are all on the same side of the
rounds of the other; each run's slowest round is set aside first, because one hiccup says nothing. Were
rounds independent, chance would mark one figure in twenty with five rounds, and one in two hundred with seven.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median
from typing import Any, Final

from hal.errors import HalError, InvalidModel

__all__ = ["LEAST_ROUNDS", "METRICS", "band", "compare", "failures", "read"]

#: Fewer say nothing about noise.
LEAST_ROUNDS: Final = 5

#: What is compared; the first two are what ``--fail-under`` looks at: a 99th percentile is a few samples.
METRICS: Final = ("throughput", "p50", "p99")


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Read the rows of a file that ``hal bench place --out`` wrote.

    Returns
    -------
    dict
        By the row's name: for each of `METRICS` the times of the rounds, in units of the yardstick; the
        ``"yardstick"`` itself, in microseconds, and the ``"allocation_percent"``.

    Raises
    ------
    HalError
        The file cannot be read.
    InvalidModel
        It is not such a file; the message names what is wrong.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HalError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise InvalidModel(f"{path}: is no JSON ({error})") from None
    try:
        return rows(found)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidModel(
            f"{path}: must be what hal bench place --out writes; {type(error).__name__}: {error}"
        ) from None


def rows(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is compared of a document, by the row's name; KeyError, TypeError or ValueError if it is another."""
    out: dict[str, dict[str, Any]] = {}
    for made in document["benchmarks"]:
        info, name = made["extra_info"], str(made["name"])
        rounds = info["rounds"]
        unit = _times(name, "yardstick", rounds["yardstick_us"])
        times = {
            "throughput": made["stats"]["data"],
            "p50": rounds["p50_us"],
            "p99": rounds["p99_us"],
        }
        out[name] = {
            metric: [took / one for took, one in zip(_times(name, metric, of), unit, strict=True)]
            for metric, of in times.items()
        }
        out[name] |= {"yardstick": unit, "allocation_percent": float(info["allocation_percent"])}
    return out


def _times(name: str, metric: str, given: list[float]) -> list[float]:
    times = [float(value) for value in given]
    if len(times) < LEAST_ROUNDS or not all(0 < value < math.inf for value in times):
        raise ValueError(f"{metric} of {name}: must be {LEAST_ROUNDS} or more times above 0")
    return times


def band(now: list[float], then: list[float]) -> dict[str, Any]:
    """Return how many times as fast as ``then`` it is ``now``, between which bounds, and whether that is a change.

    Parameters
    ----------
    now, then : list of float
        Times of three or more rounds, above 0.
    """
    mine, theirs = sorted(now)[:-1], sorted(then)[:-1]
    low, high = theirs[0] / mine[-1], theirs[-1] / mine[0]
    return {
        "ratio": median(then) / median(now),
        "low": low,
        "high": high,
        "changed": not low <= 1 <= high,
    }


def compare(now: dict[str, dict[str, Any]], then: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the rows that both runs have.

    Returns
    -------
    list of dict
        ``"name"``, what `band` says of each of `METRICS`, ``"machine"``, how many times as fast the machine itself was
        (the ratios leave it out), and ``"allocation_points"``, the percentage points of the GPUs that are allocated
        more.
    """
    return [
        {
            "name": name,
            **{metric: band(row[metric], then[name][metric]) for metric in METRICS},
            "machine": median(then[name]["yardstick"]) / median(row["yardstick"]),
            "allocation_points": row["allocation_percent"] - then[name]["allocation_percent"],
        }
        for name, row in now.items()
        if name in then
    ]


def failures(compared: list[dict[str, Any]], fail_under: float) -> list[str]:
    """Return the rows whose throughput or median decision is below this ratio, beyond noise."""
    return [
        f"{row['name']}: {metric} is {row[metric]['ratio']:.2f} of what it was"
        for row in compared
        for metric in METRICS[:2]
        if row[metric]["changed"] and row[metric]["ratio"] < fail_under
    ]
