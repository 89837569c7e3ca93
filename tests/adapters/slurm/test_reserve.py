from __future__ import annotations

from hal.adapters import Outcome, Reserved
from hal.adapters.slurm.records import Reservation
from hal.adapters.slurm.reserve import answers, commands, slurm_name
from hypothesis import given
from hypothesis import strategies as st

PLAN = [
    Reserved("train", 1000, 2000, ("a", "b", "a")),
    Reserved("nightly#1", 3000, 4000, ("c",)),
    Reserved("firmware", 5000, 6000, ("a",), maintenance=True),
]


def test_a_plan_becomes_commands() -> None:
    lines, told = commands(PLAN, [], now=0, users="root")
    assert not told
    assert lines == [
        "create reservation ReservationName=hal_train StartTime=uts1000 EndTime=uts2000 Nodes=a,b Users=root",
        "create reservation ReservationName=hal_nightly_1 StartTime=uts3000 EndTime=uts4000 Nodes=c Users=root",
        "create reservation ReservationName=hal_firmware StartTime=uts5000 EndTime=uts6000 Nodes=a Users=root "
        "Flags=MAINT,IGNORE_JOBS",
    ]


def test_what_is_there_is_left_and_what_differs_is_changed() -> None:
    existing = [Reservation("hal_train", "[a-b]", 1000, 2000), Reservation("hal_nightly_1", "d", 3000, 4000),
                Reservation("other", "a", 1000, 2000)]  # fmt: skip
    existing[0] = Reservation("hal_train", "a,b", 1000, 2000)
    lines, told = commands(PLAN[:2], existing, now=0, users="root")
    assert {i: answer.outcome for i, answer in told.items()} == {0: Outcome.ALREADY}
    assert lines == ["update ReservationName=hal_nightly_1 StartTime=uts3000 EndTime=uts4000 Nodes=c"]
    lines, _ = commands([Reserved("train", 1000, 2500, ("a", "b"))], existing, now=1500, users="root")
    assert lines == ["update ReservationName=hal_train EndTime=uts2500 Nodes=a,b"]  # it has begun


def test_what_cannot_be_is_refused_and_the_rest_is_not() -> None:
    wanted = [
        Reserved("a", 10, 20, ("n1", "n2")),
        Reserved("b", 15, 25, ("n2",)),  # at the same time
        Reserved("c", 20, 30, ("n2",)),
        Reserved("a!", 100, 200, ("n9",)),
        Reserved("a?", 300, 400, ("n9",)),  # both hal_a_
        Reserved("old", 1, 5, ("n1",)),
        Reserved("none", 10, 20, ()),
        Reserved("odd", 10, 20, ("n1 Users=evil",)),
    ]
    lines, told = commands(wanted, [], now=5, users="me")
    assert sorted(told) == [1, 4, 5, 6, 7]
    assert {answer.outcome for answer in told.values()} == {Outcome.REFUSED}
    assert len(lines) == 3
    assert commands(wanted[:1], [], now=5, users="me Flags=DAILY")[0] == []


def test_answers_are_what_slurm_has() -> None:
    after = [Reservation("hal_train", "a,b", 1000, 2000), Reservation("hal_nightly_1", "d", 3000, 4000)]
    said = "Reservation created: hal_train\nError updating the reservation: Requested reservation overlaps"
    told = answers(PLAN, {}, after, said, 0)
    assert [answer.outcome for answer in told] == [Outcome.APPLIED, Outcome.REFUSED, Outcome.REFUSED]
    assert "overlaps" in told[1].detail


@given(st.text(max_size=40))
def test_any_name_is_one_word(name: str) -> None:
    assert slurm_name(name).replace("_", "").replace(".", "").replace("-", "").isalnum()
    assert slurm_name(name).isascii()
