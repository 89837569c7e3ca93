"""Quotas of a store as the tree of queues that placing and ordering keep to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from hal._show import show
from hal.errors import InvalidModel
from hal.plugins import contract_of
from hal.queues import Queue, QueueTree
from hal.store.contract import Quota, Store

__all__ = ["StoredQuotas"]

_GUARANTEE = "guarantee/"


class StoredQuotas:
    """A tree of queues whose quotas are those of a store, for as long as the store says something of them.

    The limits of a queue in the store are its maximum, ``{"gpus": 16}``, and with names that begin with
    ``guarantee/`` its guarantee, ``{"guarantee/gpus": 8}``: CPUs, GPUs, MiB of memory or numbers of a named
    resource, all whole. Of what the store does not speak the given tree's figures hold. Two who change two queues at
    once cannot store what does not add up, unless the store is of contract 1.0.

    Parameters
    ----------
    store : Store
    tree : QueueTree
        The queues, their places, weights and first quotas.

    Examples
    --------
    >>> import hal, tempfile
    >>> from hal.store import StoredQuotas, open_store
    >>> tree = hal.QueueTree([hal.Queue("ann", maximum={"gpus": 4})])
    >>> with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/quotas.db") as store:
    ...     quotas = StoredQuotas(store, tree)
    ...     _ = quotas.change("ann", maximum={"gpus": 8})
    ...     quotas.tree()["ann"].maximum  # anybody's, from now on
    {'gpus': 8}
    """

    def __init__(self, store: Store, tree: QueueTree) -> None:
        self._store = store
        self._first = self._tree = tree
        self._seen: dict[str, Quota] = {}

    def tree(self) -> QueueTree:
        """Return the tree as the store has it now; the same object as long as nothing has changed.

        Raises
        ------
        InvalidModel
            The quotas stored are of a queue that the tree does not have, or do not add up: they were set without
            this class, or for another tree. The message names the queue.
        """
        quotas = self._store.quotas()
        if quotas != self._seen:
            self._tree = self._with(quotas)
            self._seen = quotas
        return self._tree

    def change(
        self,
        queue: str,
        *,
        maximum: Mapping[str, int] | None = None,
        guarantee: Mapping[str, int] | None = None,
    ) -> QueueTree:
        """Store another maximum or guarantee of a queue, and return the tree with it.

        Parameters
        ----------
        queue : str
        maximum, guarantee : mapping of str to int, optional
            In place of all that the store says of it: whole CPUs and GPUs, MiB, or numbers of a named resource.
            None leaves it as it is.

        Raises
        ------
        InvalidModel
            The queue is unknown, an amount is not whole, or the quotas would not add up, with whatever others have
            stored until now. Nothing was stored.
        Conflict
            Somebody else changed the queue meanwhile. Nothing was stored; look again.
        """
        quotas = self._store.quotas()
        before = quotas.get(queue, Quota({}, 0))
        limits = {
            name: amount
            for name, amount in before.limits.items()
            if (guarantee if name.startswith(_GUARANTEE) else maximum) is None
        }
        limits.update(_whole("maximum", maximum))
        limits.update({_GUARANTEE + name: amount for name, amount in _whole("guarantee", guarantee).items()})
        self._with({**quotas, queue: Quota(limits, before.version + 1)})  # refuses what does not add up
        if contract_of(self._store) < (1, 1):
            self._store.set_quota(queue, limits, version=before.version)
        else:  # and once more where no other writer can change a part of the tree
            self._store.set_quota(queue, limits, version=before.version, check=self._with)
        return self.tree()

    def _with(self, quotas: Mapping[str, Quota]) -> QueueTree:
        for name in quotas:
            if name not in {queue.name for queue in self._first}:
                raise InvalidModel(f"quota of {name!r}: the tree has no such queue")
        return QueueTree(_changed(queue, quotas.get(queue.name)) for queue in self._first)


def _changed(queue: Queue, quota: Quota | None) -> Queue:
    if quota is None:
        return queue
    guarantee = {
        name.removeprefix(_GUARANTEE): amount
        for name, amount in quota.limits.items()
        if name.startswith(_GUARANTEE)
    }
    maximum = {name: amount for name, amount in quota.limits.items() if not name.startswith(_GUARANTEE)}
    return dataclasses.replace(
        queue, guarantee=guarantee or queue.guarantee, maximum=maximum or queue.maximum
    )


def _whole(field: str, amounts: Mapping[str, int] | None) -> dict[str, int]:
    for name, amount in (amounts or {}).items():
        if type(amount) is not int or amount < 0:
            raise InvalidModel(
                f"{field}[{name!r}] = {show(amount)}: the store keeps whole numbers, 0 or more"
            )
    return dict(amounts or {})
