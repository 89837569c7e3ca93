"""Policies that are broken on purpose, each in one way, for the check that must notice it.

``hal check tests.broken:OverCommit`` fails on ``capacity`` and on nothing else.
"""

from __future__ import annotations

from tests.broken.filters import NeverBig, Wordless
from tests.broken.placers import (
    BooksWhenAsked,
    ByName,
    DoubleBooked,
    EatsJobs,
    ForgetsAfterFailure,
    Homesick,
    IgnoresTaints,
    LeaksOnRelease,
    OverCommit,
    PartialGang,
    SaysNever,
)
from tests.broken.scorers import (
    ByIndex,
    DrawsLots,
    FalseOwnState,
    HoldsLambda,
    Infinite,
    Negative,
    NotANumber,
    OneScore,
    OverOne,
    Quadratic,
    Raises,
    StaleScale,
    WritesRequest,
    WrongWay,
)

__all__ = [
    "BREAKS",
    "BooksWhenAsked",
    "ByIndex",
    "ByName",
    "DoubleBooked",
    "DrawsLots",
    "EatsJobs",
    "FalseOwnState",
    "ForgetsAfterFailure",
    "HoldsLambda",
    "Homesick",
    "IgnoresTaints",
    "Infinite",
    "LeaksOnRelease",
    "Negative",
    "NeverBig",
    "NotANumber",
    "OneScore",
    "OverCommit",
    "OverOne",
    "PartialGang",
    "Quadratic",
    "Raises",
    "SaysNever",
    "StaleScale",
    "Wordless",
    "WritesRequest",
    "WrongWay",
]

#: Broken policy → the one check that it must fail.
BREAKS = {
    OverCommit: "capacity",
    DoubleBooked: "gpus",
    IgnoresTaints: "constraints",
    PartialGang: "all_or_nothing",
    SaysNever: "true_status",
    Wordless: "reasons",
    BooksWhenAsked: "pure",
    EatsJobs: "inputs_unchanged",
    WritesRequest: "inputs_unchanged",
    LeaksOnRelease: "release",
    Homesick: "forks",
    HoldsLambda: "pickling",
    DrawsLots: "deterministic",
    StaleScale: "no_history",
    ByIndex: "node_order",
    ByName: "names",
    NeverBig: "no_starvation",
    Raises: "no_errors",
    OneScore: "score_shape",
    NotANumber: "score_finite",
    Infinite: "score_finite",
    Negative: "score_range",
    OverOne: "score_range",
    FalseOwnState: "own_state",
    WrongWay: "monotone",
    Quadratic: "bounded_cost",
    ForgetsAfterFailure: "safety",
}
