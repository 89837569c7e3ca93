"""Several clusters at once: the work is done without Python's lock, one thread a cluster."""

from concurrent.futures import ThreadPoolExecutor

import hal


def fill(site: int) -> tuple[str, ...]:
    """Fill one site and say where its jobs went."""
    cluster = hal.Cluster(hal.Node(f"site{site}-n{i}", cpus=64, memory="256GiB") for i in range(50))
    jobs = [hal.Job(f"job-{i}", cpus=1 + i % 7, memory="2GiB") for i in range(500)]
    return tuple(node for placement in hal.place(cluster, jobs) for node in placement.nodes)


with ThreadPoolExecutor(4) as pool:
    parallel = list(pool.map(fill, range(8)))
assert parallel == [fill(site) for site in range(8)], "the answer does not depend on the threads"
print(f"{sum(map(len, parallel)):,} jobs placed on {len(parallel)} sites")
