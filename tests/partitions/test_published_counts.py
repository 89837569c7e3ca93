"""The profile tables hold as many instances of each profile as NVIDIA's MIG User Guide says."""

from __future__ import annotations

import pytest

import hal

# docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html, "Number of Instances Available".
PUBLISHED = {
    "a100-40gb": {"1g.5gb": 7, "1g.10gb": 4, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1},
    "a100-80gb": {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1},
    "h100-80gb": {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1},
}
MODELS = {"a100-40gb": ("A100", "40GiB"), "a100-80gb": ("A100", "80GiB"), "h100-80gb": ("H100", "80GiB")}


@pytest.mark.parametrize("table", sorted(PUBLISHED))
def test_instances_available(table: str) -> None:
    assert set(hal.PARTITION_TABLES[table]) == set(PUBLISHED[table])
    model, memory = MODELS[table]
    for profile, most in PUBLISHED[table].items():
        cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[hal.GPU(model, memory=memory, mig=True)])])
        jobs = [hal.Job(f"j{k}", gpu_profile=profile) for k in range(8)]
        assert hal.place(cluster, jobs).counts()[hal.Status.PLACED] == most
