"""Replay one seed of the OpenB experiment; needs the traces in $HAL_TRACES."""

import os

from hal.replay import openb

if "HAL_TRACES" in os.environ:
    experiment = openb.Experiment.load("default")
    done = openb.run(experiment, "fgd", seed=42)
    # % of GPU capacity, at 100 % and at 130 % arrived demand
    print(f"{done.allocation[100]:.1f} % allocated, {done.fragmentation[130]:.1f} % fragmented")
