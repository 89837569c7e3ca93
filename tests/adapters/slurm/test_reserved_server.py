"""Reservations of parts of nodes on a real slurmctld."""

from __future__ import annotations

import pytest
from hal.adapters import Loop
from hal.adapters.slurm import SlurmAdapter

from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_is_left_of_a_reserved_node_is_used(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    slurm.run(["scontrol", "create", "reservation", "ReservationName=part", "StartTime=now", "Duration=60",
               "Users=root", "Nodes=c0", "CoreCnt=12"])  # fmt: skip
    try:
        wide, narrow = slurm.sbatch("-p", "cpu", "-n", "8"), slurm.sbatch("-p", "cpu", "-n", "4")
        theirs = slurm.sbatch("-p", "cpu", "-n", "1", "--reservation=part")
        loop = Loop(SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1), policy="first_fit")
        placed = {placement.job: placement.nodes for placement in loop.step().placements}
        assert placed == {wide: ("c1",), narrow: ("c0",)}
        until(lambda: list(harness.where(wide)) == ["c1"] and list(harness.where(narrow)) == ["c0"])
        assert [(item.where, item.field) for item in loop.mirror.dropped] == [
            (f"job {theirs}", "reservation")
        ]
        last = slurm.sbatch("-p", "cpu", "-n", "1")
        until(lambda: loop.follow(0.1) >= 0 and last in loop.mirror.waiting)
        assert [p.nodes for p in loop.step().placements] == [("c1",)]  # c0 is full
    finally:
        slurm.run(["scancel", "--user=root"], check=False)
        until(lambda: not slurm.run(["squeue", "-h"]).strip())
        slurm.run(["scontrol", "delete", "ReservationName=part"])
