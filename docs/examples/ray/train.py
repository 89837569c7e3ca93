"""A program whose tasks, actor and placement groups hal places on Ray; started by docs/how-to/ray.md."""

import hal.adapters.ray
import ray

ray.init(address="auto", log_to_driver=False)

with hal.adapters.ray.scheduler(policy="fgd") as hal_ray:

    @hal_ray.place(num_cpus=1, num_gpus=0.5)
    def infer(batch):
        return batch * batch

    @hal_ray.place(num_cpus=1, num_gpus=1)
    class Trainer:
        def __init__(self, rate):
            self.rate = rate

        def step(self):
            return f"step at {self.rate}, GPU {ray.get_gpu_ids()}"

    calls = [infer.remote(batch) for batch in range(4)]
    trainer = Trainer.remote(0.1)
    gang = hal_ray.gang([{"CPU": 1, "GPU": 1}] * 2, strategy="STRICT_SPREAD", name="train")

    print(ray.get(trainer.handle().step.remote()), "on", trainer.nodes[0])
    gang.placement_group()
    print("gang on", *gang.nodes)
    print([call.result() for call in calls], "ran on", sorted({call.ran_on[0][:12] for call in calls}))

    wide = hal_ray.gang([{"GPU": 2}] * 3, name="wide")
    try:
        wide.placement_group(timeout=2)
    except TimeoutError as error:
        print(error)
    wide.cancel()
