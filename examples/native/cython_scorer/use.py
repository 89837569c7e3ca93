"""Place with the scorer of best_fit_cython.pyx."""

import hal

best_fit = hal.NativeScorer.from_module("best_fit_cython", "best_fit", one_order=True)

cluster = hal.Cluster(
    [hal.Node("large", cpus=64, memory="256GiB"), hal.Node("small", cpus=8, memory="32GiB")]
)
placements = hal.place(cluster, hal.Job("job", cpus=4, memory="12GiB"), hal.Policy([best_fit]))
print(placements[0].job, *placements[0].nodes)
assert placements[0].nodes == ("small",)
