"""Queues with quotas: who may use how much, who is next, and who gives back what it borrowed."""

from hal.queues.history import History
from hal.queues.order import QueueOrder, Wait, order
from hal.queues.queue import Queue
from hal.queues.reclaim import Reclaim, reclaim
from hal.queues.tree import QueueTree

__all__ = ["History", "Queue", "QueueOrder", "QueueTree", "Reclaim", "Wait", "order", "reclaim"]
