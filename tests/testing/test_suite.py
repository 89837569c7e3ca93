"""The suite: good policies pass, what fails can be pasted, opting out is said aloud."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hal
import hal.testing
from hal.errors import PolicyError
from tests import broken


class Emptiest:
    """A stranger's scorer, as good as any."""

    name = "emptiest"
    own_state = True
    monotone = {"free_cpu": "rising"}  # noqa: RUF012  # as a stranger writes it

    def score(self, job: Any, nodes: Any) -> Any:
        return nodes.free_cpu / np.maximum(nodes.capacity_cpu, 1)


class KeepsRoom:
    """A stranger's filter."""

    name = "keeps_room"
    opt_out = {"no_starvation": "jobs that need the last CPU never run, on purpose"}  # noqa: RUF012  # as above

    def keep(self, job: Any, nodes: Any) -> Any:
        return nodes.free_cpu - job.cpu >= 1000


@hal.testing.parametrize_with_checks([Emptiest()], max_examples=5)
def test_a_stranger_passes(policy: Any, check: Any) -> None:
    check(policy)


@pytest.mark.parametrize("policy", ["best_fit", KeepsRoom])
def test_nothing_is_broken(policy: Any) -> None:
    results = hal.testing.check_policy(policy, max_examples=8)
    assert [result for result in results if result.outcome == "broken"] == []
    assert [result.check for result in results] == list(hal.testing.CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", hal.policies.names())
def test_built_in_policies_keep_every_promise(name: str) -> None:
    results = hal.testing.check_policy(name, max_examples=40)
    assert [result for result in results if result.outcome == "broken"] == []


@pytest.mark.parametrize("policy", [broken.OverCommit, broken.NotANumber], ids=lambda p: p.__name__)
def test_what_fails_can_be_pasted(policy: type) -> None:
    name = broken.BREAKS[policy]
    with pytest.raises(hal.testing.CheckFailed) as failed:
        hal.testing.run_check(name, policy, max_examples=500)
    assert str(failed.value).endswith(failed.value.code)
    namespace: dict[str, Any] = {}
    with pytest.raises(hal.testing.CheckFailed, match=name):
        exec(compile(failed.value.code, "pasted", "exec"), namespace)
    assert isinstance(namespace["policy"], policy)
    assert isinstance(namespace["cluster"], hal.Cluster)
    case = failed.value.case
    assert case is not None
    assert len(case.nodes) == len(case.jobs) == 1  # as small as can be
    assert not case.running


@pytest.mark.slow
def test_a_history_that_fails_can_be_pasted() -> None:
    (result,) = hal.testing.check_policy(broken.ForgetsAfterFailure, checks=["safety"], max_examples=1000)
    assert result.outcome == "broken"
    namespace: dict[str, Any] = {}
    exec(compile(result.code.replace("ForgetsAfterFailure()", "'first_fit'"), "pasted", "exec"), namespace)
    assert namespace["policy"] == "first_fit"


def test_a_policy_that_no_import_makes_is_said_to_be() -> None:
    class Local(broken.NotANumber):
        pass

    failures = [
        result.code
        for policy in (Local(), hal.Policy([broken.NotANumber()]))
        for result in hal.testing.check_policy(policy, checks=[broken.BREAKS[broken.NotANumber]])
    ]
    assert [code.partition("\n")[0] for code in failures] == [
        "# policy = the test_a_policy_that_no_import_makes_is_said_to_be.<locals>.Local that was checked",
        "# policy = the Policy that was checked",
    ]


def test_opting_out_needs_a_reason_and_a_check_that_allows_it() -> None:
    results = {result.check: result for result in hal.testing.check_policy("random", max_examples=3)}
    assert results["node_order"].outcome == "opted out"
    assert "lots" in results["node_order"].text

    class Cheeky(Emptiest):
        opt_out = {"capacity": "rules are for others"}  # noqa: RUF012  # as a stranger writes it

    class Silent(Emptiest):
        opt_out = {"names": " "}  # noqa: RUF012  # as a stranger writes it

    with pytest.raises(PolicyError, match="no opting out of capacity"):
        hal.testing.check_policy(Cheeky)
    with pytest.raises(PolicyError, match="reason"):
        hal.testing.check_policy(Silent)


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(PolicyError, match="no policy"):
        hal.testing.check_policy(3)
    with pytest.raises(PolicyError, match="unknown"):
        hal.testing.check_policy("best_fit", checks=["haste"])
