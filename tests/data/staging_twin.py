"""The staging plan's plain twin (every candidate looked at again after every move) and a checker of plans."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from tests.data.plain_content import PlainContent


class Job(NamedTuple):
    cache: int
    start: int
    weight: int
    inputs: tuple[int, ...]


class Move(NamedTuple):
    dataset: int
    source: int
    target: int
    begin: int
    end: int
    bytes: int
    cost: int
    benefit: int


def wants(content: PlainContent, jobs: list[Job]) -> list[tuple[int, int]]:
    """Job and dataset of each input that must be fetched."""
    return [
        (j, d)
        for j, job in enumerate(jobs)
        for d in sorted(set(job.inputs))
        if content.held.get(d) and job.cache not in content.held[d]
    ]


def fetch(content: PlainContent, job: Job, dataset: int, moves: list[Move]) -> tuple[int, int]:
    """Microseconds and cost of an input at the job's start: before the plan's copies, the first fastest wins."""
    _, micros, _, cost = content.nearest(dataset, job.cache)
    for move in moves:
        if move.dataset == dataset and move.end <= job.start:
            faster = content.tree.micros(move.target, job.cache, move.bytes)
            if faster < micros:
                micros, cost = faster, content.tree.cost(move.target, job.cache, move.bytes)
    return micros, cost


class Shelves:
    """What caches can give up: copies that no job reads, never the last one."""

    def __init__(self, content: PlainContent, jobs: list[Job], keep: set[int], *, money: bool) -> None:
        self.content, self.money, self.gone = content, money, []
        self.stays = keep | {d for job in jobs for d in job.inputs}

    def dear(self, dataset: int, cache: int) -> Fraction:
        """What it takes to bring a byte of it back."""
        tree, size = self.content.tree, self.content.size[dataset]
        takes = tree.cost if self.money else tree.micros
        return Fraction(min(takes(h, cache, size) for h in self.content.held[dataset] if h != cache), size)

    def free(self, cache: int) -> list[int]:
        """Datasets it can evict, the first first."""
        held, size = self.content.held, self.content.size
        able = [
            d
            for d in held
            if cache in held[d]
            and size[d]
            and d not in self.stays
            and (d, cache) not in self.gone
            and len(held[d]) - sum(g[0] == d for g in self.gone) > 1
        ]
        return sorted(able, key=lambda d: (self.dear(d, cache), d))

    def room(self, cache: int) -> int:
        return sum(self.content.size[d] for d in self.free(cache))

    def free_up(self, cache: int, size: int) -> None:
        """Evict a prefix of what there is, less what turns out not to be needed."""
        chosen: list[int] = []
        for d in self.free(cache):
            if sum(self.content.size[c] for c in chosen) < size:
                chosen.append(d)
        for d in reversed(tuple(chosen)):
            if sum(self.content.size[c] for c in chosen) - self.content.size[d] >= size:
                chosen.remove(d)
        self.gone += [(d, cache) for d in chosen]


def plan(
    content: PlainContent, jobs: list[Job], *, money: bool, shelves: Shelves | None = None
) -> list[Move]:
    moves: list[Move] = []
    while True:
        best, best_key = None, None
        for dataset in sorted({d for _, d in wants(content, jobs)}):
            for target in range(len(content.tree.parent)):
                move = try_move(content, jobs, dataset, target, moves, money=money, shelves=shelves)
                if move is None or move.benefit <= 0:
                    continue
                key = (-(float(move.benefit) / max(move.bytes, 1)), dataset, target)
                if best_key is None or key < best_key:
                    best, best_key = move, key
        if best is None:
            return moves
        if shelves and best.bytes > (free := room(content, best.target, moves, shelves)):
            shelves.free_up(best.target, best.bytes - free)
        moves.append(best)


def room(content: PlainContent, cache: int, moves: list[Move], shelves: Shelves | None) -> int:
    """Bytes that are free once these moves are made."""
    staged = sum(m.bytes for m in moves if m.target == cache)
    evicted = sum(content.size[d] for d, c in (shelves.gone if shelves else []) if c == cache)
    return content.tree.capacity[cache] - content.used(cache) - staged + evicted


def try_move(
    content: PlainContent,
    jobs: list[Job],
    dataset: int,
    target: int,
    moves: list[Move],
    *,
    money: bool,
    shelves: Shelves | None,
) -> Move | None:
    tree, size = content.tree, content.size[dataset]
    asking = [jobs[j] for j, d in wants(content, jobs) if d == dataset]
    copies = [(m.target, m.end) for m in moves if m.dataset == dataset]
    above = [copy for copy in copies if copy[0] in tree.chain(target)]
    if not any(target in tree.chain(job.cache) for job in asking):
        return None
    if target in content.held[dataset] or target in [cache for cache, _ in copies]:
        return None
    if size > room(content, target, moves, shelves) + (shelves.room(target) if shelves else 0):
        return None
    latest = max(job.start for job in asking)
    options = []
    for source, ready in [(content.nearest(dataset, target)[0], 0), *above]:
        length = tree.micros(source, target, size)
        busy = [m for m in moves if set(tree.links(m.source, m.target)) & set(tree.links(source, target))]
        starts = sorted({ready} | {m.end for m in busy if m.end > ready})
        begin = next(
            t
            for t in starts
            if not any(m.begin < m.end and m.begin < t + length and t < m.end for m in busy)
            and not (length == 0 and any(m.begin < t < m.end for m in busy))
        )
        options.append((begin + length, source, begin))
    end, source, begin = min(options)
    if end > latest:
        return None
    cost = tree.cost(source, target, size)
    benefit = -cost if money else 0
    for job in asking:
        if job.start < end or target not in tree.chain(job.cache):
            continue
        micros, price = fetch(content, job, dataset, moves)
        faster = tree.micros(target, job.cache, size)
        if faster < micros:
            benefit += price - tree.cost(target, job.cache, size) if money else job.weight * (micros - faster)
    return Move(dataset, source, target, begin, end, size, cost, benefit)


def check(content: PlainContent, moves: list[Move], evictions: Sequence[tuple[int, int, int]] = ()) -> None:
    """Assert that a plan can be carried out, step after step: independent of how it was made."""
    assert len({(d, c) for d, c, _ in evictions}) == len(evictions)
    for dataset, cache, _ in evictions:
        assert cache in content.held[dataset]
        assert content.held[dataset] - {c for d, c, _ in evictions if d == dataset}, "one copy stays"
        assert dataset not in {m.dataset for m in moves}
    tree = content.tree
    copies = {(d, c): 0 for d, caches in content.held.items() for c in caches}  # (dataset, cache) → ready
    for move in sorted(moves, key=lambda m: (m.end, m.begin)):
        assert (move.dataset, move.target) not in copies
        copies[move.dataset, move.target] = move.end
    for move in moves:
        assert copies[move.dataset, move.source] <= move.begin, "the source has it when the transfer begins"
        assert move.begin >= 0
        assert move.end - move.begin == tree.micros(move.source, move.target, move.bytes)
        assert move.bytes == content.size[move.dataset]
        assert move.cost == tree.cost(move.source, move.target, move.bytes)
    for cache, capacity in enumerate(tree.capacity):
        steps = [(m.begin, 1, m.bytes) for m in moves if m.target == cache]
        steps += [(at, 0, -content.size[d]) for d, c, at in evictions if c == cache]
        for used in itertools.accumulate((b for *_, b in sorted(steps)), initial=content.used(cache)):
            assert used <= capacity
    for link in range(len(tree.parent)):
        busy = sorted(
            (m.begin, m.end) for m in moves if link in tree.links(m.source, m.target) and m.begin < m.end
        )
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(busy)), "one transfer a link at a time"
