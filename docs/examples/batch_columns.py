"""Replay columns of your own: an order, predictions and a maintenance of your own too."""

import numpy as np

from hal.replay import Workload, replay_queue

workload = Workload.from_columns(
    submit=[0, 10, 20], run=[100, 50, 10], requested=[120, 60, 60], procs=[4, 4, 1], processors=4
)
run = replay_queue(workload, backfill="easy_sjbf", predict="requested")
print(run.wait, run.bounded_slowdown().mean(), run.utilisation)

# An order of your own: smallest key first, asked at every event.
smallest = replay_queue(workload, order=lambda now, jobs: jobs.procs * jobs.predicted)
# Predictions of your own, one a job.
guessed = replay_queue(workload, predict=np.array([90, 55, 20]), correct="doubling")
# A maintenance of all 4 processors from 200 s to 500 s.
around = replay_queue(workload, backfill="conservative", reservations=[(200, 500, 4)])
