"""Plain twins of the cache tree, the content map and the search for the nearest source: slow and obvious."""

from __future__ import annotations

from dataclasses import dataclass, field

GIB = 2**30


@dataclass
class PlainTree:
    parent: list[int]
    capacity: list[int]
    bandwidth: list[int]
    latency: list[int]
    egress: list[int]

    def chain(self, cache: int) -> list[int]:
        chain = [cache]
        while self.parent[chain[-1]] >= 0:
            chain.append(self.parent[chain[-1]])
        return chain

    def route(self, source: int, target: int) -> list[int]:
        up, down = self.chain(source), self.chain(target)
        meet = next(cache for cache in up if cache in down)
        return up[: up.index(meet)] + down[: down.index(meet) + 1][::-1]

    def links(self, source: int, target: int) -> list[int]:
        """The caches whose link to their parent is crossed."""
        up, down = self.chain(source), self.chain(target)
        return [c for c in up if c not in down] + [c for c in down if c not in up]

    def micros(self, source: int, target: int, size: int) -> int:
        links = self.links(source, target)
        if not links:
            return 0
        slowest = min(self.bandwidth[link] for link in links)
        return sum(self.latency[link] for link in links) + -(-size * 10**6 // slowest)

    def cost(self, source: int, target: int, size: int) -> int:
        return -(-size * sum(self.egress[link] for link in self.links(source, target)) // GIB)


@dataclass
class PlainContent:
    tree: PlainTree
    size: dict[int, int] = field(default_factory=dict)
    held: dict[int, set[int]] = field(default_factory=dict)  # dataset → caches

    def used(self, cache: int) -> int:
        return sum(self.size[d] for d, caches in self.held.items() if cache in caches)

    def add(self, dataset: int, cache: int, size: int) -> bool:
        holders = self.held.setdefault(dataset, set())
        if size < 0 or (holders and size != self.size[dataset]):
            return False
        if cache in holders:
            return True
        if size > self.tree.capacity[cache] - self.used(cache):
            return False
        self.size[dataset] = size
        holders.add(cache)
        return True

    def evict(self, dataset: int, cache: int) -> None:
        self.held.get(dataset, set()).discard(cache)

    def nearest(self, dataset: int, target: int) -> tuple[int, int, int, int]:
        """Source, microseconds, bytes over the links, micro-units."""
        holders = self.held.get(dataset)
        if not holders:
            return -1, -1, -1, -1
        size = self.size[dataset]
        micros, source = min((self.tree.micros(h, target, size), h) for h in holders)
        return source, micros, 0 if source == target else size, self.tree.cost(source, target, size)
