"""Place with the scorer of best_fit_numba.py."""

from best_fit_numba import scorer

import hal

cluster = hal.Cluster(
    [hal.Node("large", cpus=64, memory="256GiB"), hal.Node("small", cpus=8, memory="32GiB")]
)
placements = hal.place(cluster, hal.Job("job", cpus=4, memory="12GiB"), hal.Policy([scorer()]))
print(placements[0].job, *placements[0].nodes)
assert placements[0].nodes == ("small",)
