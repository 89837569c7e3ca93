"""Place with the scorer and the filter of best_fit.c; give the folder of libbest_fit.so."""

import sys
from array import array
from pathlib import Path

import hal

library = Path(sys.argv[1] if len(sys.argv) > 1 else "build") / "libbest_fit.so"
best_fit = hal.NativeScorer.from_library(library, "best_fit", one_order=True)
keep_memory = hal.NativeFilter.from_library(library, "keep_memory", data=array("q", [8 * 1024]))

cluster = hal.Cluster(
    [hal.Node("large", cpus=64, memory="256GiB"), hal.Node("small", cpus=8, memory="32GiB")]
)
jobs = [hal.Job(f"job-{i}", cpus=4, memory="12GiB") for i in range(3)]

placements = hal.place(cluster, jobs, hal.Policy([best_fit], filters=[keep_memory]))
for placement in placements:
    print(placement.job, *placement.nodes)
assert [placement.nodes[0] for placement in placements] == ["small", "small", "large"]
