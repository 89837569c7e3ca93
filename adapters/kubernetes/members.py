"""Which pods are of which group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hal.adapters.kubernetes.gangs import Group

__all__ = ["Members"]


class Members:
    """Groups and their pods; a group is there while it has any."""

    def __init__(self) -> None:
        self._pods: dict[Group, set[str]] = defaultdict(set)
        self._group: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        """Yield the groups."""
        return iter(self._pods)

    def __getitem__(self, group: Group) -> frozenset[str]:
        """Return the pods of a group."""
        return frozenset(self._pods.get(group, ()))

    def group(self, pod: str) -> Group | None:
        """Return the group of a pod."""
        return self._group.get(pod)

    def put(self, pod: str, group: Group | None) -> Group | None:
        """Take a pod as one of this group, or of none; the group that it left."""
        before = self._group.get(pod)
        if group == before:
            return None
        if before is not None:
            del self._group[pod]
            self._pods[before].discard(pod)
            if not self._pods[before]:
                del self._pods[before]
        if group is not None:
            self._group[pod] = group
            self._pods[group].add(pod)
        return before
