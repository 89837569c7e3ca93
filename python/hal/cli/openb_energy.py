"""The energy part of ``hal replay openb``: power of each policy against FGD's on the same arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from hal import policies
from hal.cli.output import table
from hal.replay import openb

__all__ = ["asks_for_energy", "energy_report", "energy_table"]

#: Percent of arrived demand at which savings are shown.
POINTS: Final = (20, 40, 60, 80, 100)


def asks_for_energy(names: Sequence[str]) -> bool:
    """Whether a policy looks at power, so that FGD is replayed beside it."""
    return any(scorer.name in ("power", "energy") for name in names for scorer in policies.get(name).scorers)


def energy_report(runs: Sequence[openb.Run]) -> list[dict[str, Any]]:
    """Mean kW at each point, and % saved against FGD, for each trace and policy."""
    mean = {
        key: np.mean([done.power for done in runs if (done.trace, done.policy) == key], axis=0)
        for key in dict.fromkeys((done.trace, done.policy) for done in runs)
    }
    report = []
    for (trace, name), watts in mean.items():
        base = mean[trace, "fgd"]
        saved = 100 * (1 - watts / base)
        report.append(
            {
                "trace": trace,
                "policy": name,
                "kilowatts": {str(at): round(float(watts[at]) / 1000, 2) for at in POINTS},
                "saved_percent": {str(at): round(float(saved[at]), 2) for at in POINTS},
                # Equal steps of demand: the integral up to a full cluster stands for the energy of filling it.
                "energy_saved_percent": round(float(100 * (1 - watts[:101].sum() / base[:101].sum())), 2),
            }
        )
    return report


def energy_table(report: Sequence[dict[str, Any]]) -> Any:
    """Render the report for people."""
    rows = [
        (
            row["trace"],
            row["policy"],
            *(f"{row['kilowatts'][str(at)]:,.0f} ({row['saved_percent'][str(at)]:+.1f})" for at in POINTS),
            f"{row['energy_saved_percent']:+.1f}",
        )
        for row in report
    ]
    columns = ("trace", "policy", *(f"kW@{at} (saved %)" for at in POINTS), "energy saved %, 0 … 100")
    return table("Power against FGD at each percent of arrived demand", columns, rows, left=2)
