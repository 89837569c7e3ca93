"""One cluster that lives on: jobs come one by one, nodes join, shrink and leave."""

import hal

cluster = hal.Cluster(hal.Node(f"n{i}", cpus=16, memory="64GiB", gpus=hal.gpus(4, "T4")) for i in range(3))

# One job at a time: decided and booked in one call.
for number in range(10):
    hal.place(cluster, hal.Job(f"job-{number}", cpus=2, gpus=1), policy="best_fit", apply=True)
assert len(cluster.jobs()) == 10

# A job ends: all that it held is free again.
cluster.release("job-0")

# What would happen if a node died? A trial is thrown away; the cluster is as before.
before = cluster.digest()
with cluster.what_if() as trial:
    lost = trial.remove("n0", evict=True)
    again = hal.place(trial, [hal.Job(f"{name}-again", cpus=2, gpus=1) for name in lost])
    print(f"without n0, {len(lost)} jobs move and {sum(p.placed for p in again)} of them find a place")
assert cluster.digest() == before

# A node joins, and one is cordoned: it keeps its jobs and gets no new ones.
cluster.add(hal.Node("n3", cpus=16, memory="64GiB", gpus=hal.gpus(4, "T4")))
cluster.update(
    hal.Node("n3", cpus=16, memory="64GiB", gpus=hal.gpus(4, "T4"), labels={"zone": "b"}, schedulable=False)
)
answer = hal.place(cluster, hal.Job("in-b", cpus=1, selector={"zone": "b"}))
assert not answer[0].placed
print(answer.explain("in-b"))
