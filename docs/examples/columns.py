"""Columns in, columns out: no Python object for any node or job."""

import numpy as np

import hal

rng = np.random.default_rng(7)
nodes, jobs = 2_000, 20_000
cluster = hal.Cluster.from_arrays(
    cpu_milli=np.full(nodes, 96_000),
    memory_mib=np.full(nodes, 768 * 1024),
    gpu_count=np.full(nodes, 8, np.int32),
    models=["A100"],
)
gpus = rng.choice([0, 1, 2, 8], jobs, p=[0.2, 0.6, 0.15, 0.05])
requests = hal.JobColumns(cpu_milli=4_000 + 8_000 * gpus, memory_mib=np.full(jobs, 16 * 1024), gpus=gpus)

placements = hal.place(cluster, requests, policy="best_fit")
used = placements.node[placements.node >= 0]
print(f"{placements.counts()[hal.Status.PLACED]:,} of {jobs:,} jobs on {np.unique(used).size:,} nodes")

# Booking returns an id a job, for the release.
ids = cluster.apply(placements)
cluster.release(ids[ids >= 0][:100])
print(f"{cluster.columns.gpu_total_free.sum() / 1000:,.0f} GPUs are idle")
