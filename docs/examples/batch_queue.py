"""A live batch queue: the events come from you, what to start comes back."""

from hal.replay import Queue, QueueJob

queue = Queue(processors=128, backfill="easy_sjbf", predict="last_two", grace=60)
actions = queue.submit(
    0,
    QueueJob("prepare", procs=1, requested=600, user="ann"),
    QueueJob("train", procs=64, requested=86_400, user="ann", after={"prepare": "ok"}, checkpoint=3600),
    QueueJob("sweep", procs=8, requested=7200, user="bob", tasks=20, at_most=4),
)
print(actions.start)  # ['prepare', 'sweep[0]', …]
print(queue.finish(550, "prepare").start)  # ['train']
print(queue.requeue(8000, "train").start)  # starts again, asking for what it has not checkpointed
print(queue.next_wake)  # call queue.tick(now) then, if nothing happens before
