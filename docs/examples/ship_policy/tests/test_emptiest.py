"""Prove the policy: every check of hal's, each as a test of its own."""

from hal_emptiest import Emptiest

import hal
import hal.testing


@hal.testing.parametrize_with_checks([Emptiest()], max_examples=20)
def test_promises(policy, check):
    check(policy)


def test_the_emptier_node_wins():
    cluster = hal.Cluster([hal.Node("small", cpus=4), hal.Node("large", cpus=8)])
    hal.place(cluster, hal.Job("first", cpus=6), "best_fit", apply=True)
    assert hal.place(cluster, hal.Job("next", cpus=1), hal.Policy([Emptiest()]))[0].nodes == ("small",)
