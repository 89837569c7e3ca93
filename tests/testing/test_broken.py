"""Each broken policy fails the check made for it, and no other."""

from __future__ import annotations

import pytest

import hal.testing
from tests import broken

QUICK = [broken.OverCommit, broken.NotANumber, broken.ByIndex, broken.Quadratic]


@pytest.mark.parametrize("policy", QUICK, ids=lambda policy: policy.__name__)
def test_the_check_notices(policy: type) -> None:
    with pytest.raises(hal.testing.CheckFailed) as failed:
        hal.testing.run_check(broken.BREAKS[policy], policy, max_examples=500)
    assert failed.value.check == broken.BREAKS[policy]


@pytest.mark.slow
@pytest.mark.parametrize("policy", broken.BREAKS, ids=lambda policy: policy.__name__)
def test_the_check_made_for_it_notices_and_no_other(policy: type) -> None:
    with pytest.raises(hal.testing.CheckFailed):  # it stops at the first example that fails
        hal.testing.run_check(broken.BREAKS[policy], policy, max_examples=500)
    results = hal.testing.check_policy(policy)
    assert {result.check for result in results if result.outcome == "broken"} <= {broken.BREAKS[policy]}


def test_every_check_has_a_policy_that_breaks_it() -> None:
    assert set(broken.BREAKS.values()) == set(hal.testing.CHECKS)
    named = {name for name in broken.__all__ if name != "BREAKS"}
    assert named == {policy.__name__ for policy in broken.BREAKS}
