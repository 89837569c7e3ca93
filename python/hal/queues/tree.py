"""The tree of queues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, Self

from hal import _core
from hal._doors import listed, path_of
from hal._extras import require
from hal._show import show
from hal.cluster import Cluster
from hal.errors import HalError, InvalidModel
from hal.queues.amounts import human_amounts
from hal.queues.queue import Queue

__all__ = ["QueueTree"]

_FIELDS = tuple(f.name for f in fields(Queue))


class QueueTree:
    """Queues with quotas, checked together; immutable.

    Parameters
    ----------
    queues : iterable of Queue
        In any order; siblings keep theirs, and ties go to the one given first.

    Raises
    ------
    InvalidModel
        A name comes twice, a parent is unknown, queues are below themselves, a guarantee is over its maximum, or
        children are guaranteed more than their parent. The message names the queue.

    Examples
    --------
    >>> import hal
    >>> tree = hal.QueueTree([
    ...     hal.Queue("lab", maximum={"gpus": 8}),
    ...     hal.Queue("ann", parent="lab", guarantee={"gpus": 4}),
    ...     hal.Queue("bob", parent="lab"),
    ... ])
    >>> tree.path("ann"), tree.guarantee("lab")["gpus"]
    ('lab › ann', 4)
    """

    __slots__ = ("_core", "_queues")

    def __init__(self, queues: Iterable[Queue]) -> None:
        given = listed(queues, Queue, "queues")
        self._core = _core.QueueTree([queue._row() for queue in given])
        self._queues = {queue.name: queue for queue in given}

    @classmethod
    def from_yaml(cls, source: str | PathLike[str]) -> Self:
        """Read a YAML file, or text with a line break: ``queues:`` and a list of the fields of `Queue`.

        A queue may hold its children as a list ``queues`` of its own instead of their naming it as parent. Needs
        the extra ``yaml``.

        Raises
        ------
        InvalidModel
            It cannot be read, or a field is wrong; the message names the queue and the field.
        """
        yaml = require("yaml", extra="yaml")
        inline = isinstance(source, str) and "\n" in source
        where = "yaml" if inline else str(path_of(source, "source"))
        try:
            text = str(source) if inline else Path(source).read_text(encoding="utf-8")
            document = yaml.safe_load(text)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise InvalidModel(f"{where}: cannot be read: {error}") from None
        if not isinstance(document, Mapping) or set(document) != {"queues"}:
            raise InvalidModel(f"{where}: must be a mapping with the one section 'queues'")
        return cls(_flatten(document["queues"], "", where))

    def to_yaml(self, path: str | PathLike[str]) -> None:
        """Write the tree as YAML that `from_yaml` reads back."""
        yaml = require("yaml", extra="yaml")
        rows = [
            {name: value for name in _FIELDS if (value := getattr(queue, name)) not in ("", {})}
            for queue in self._queues.values()
        ]
        text = yaml.safe_dump({"queues": rows}, sort_keys=False, allow_unicode=True)
        try:
            path_of(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise HalError(f"{path}: cannot be written ({error.strerror})") from None

    def __len__(self) -> int:
        return len(self._queues)

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    def __getitem__(self, name: str) -> Queue:
        if name not in self._queues:
            raise InvalidModel(f"queue {name!r}: is unknown to the tree")
        return self._queues[name]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self._queues.values()),)

    def path(self, name: str) -> str:
        """Names from the top queue down: ``"organisation › project › user"``."""
        return self._core.path(self[name].name)

    def guarantee(self, name: str) -> dict[str, float]:
        """What a queue is guaranteed by resource: its own figure, or else that of its children."""
        return human_amounts(self._core.guarantee(self[name].name))

    def used(self, cluster: Cluster, name: str) -> dict[str, float]:
        """What runs of a queue and all below it, by resource.

        Returns
        -------
        dict
            ``cpus``, ``memory`` (MiB), ``gpus`` and the named resources of the tree.
        """
        return human_amounts(_core.queue_used(self._core, cluster._core, self[name].name))


def _flatten(rows: Any, parent: str, where: str) -> Iterator[Queue]:
    if not isinstance(rows, list):
        raise InvalidModel(f"{where}: queues = {show(rows)}: must be a list")
    for row in rows:
        if not isinstance(row, Mapping) or not all(isinstance(key, str) for key in row):
            raise InvalidModel(f"{where}: {show(row)} is no queue; give a mapping with a name")
        own = {key: value for key, value in row.items() if key != "queues"}
        if parent and "parent" in own:
            raise InvalidModel(f"{where}: queue {show(own.get('name'))}: its place names its parent already")
        queue = Queue(**{"parent": parent, **own})
        yield queue
        yield from _flatten(row.get("queues", []), queue.name, where)
