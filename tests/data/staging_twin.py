"""The staging plan's plain twin (every candidate looked at again after every move) and a checker of plans."""

from __future__ import annotations

import itertools
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


def plan(content: PlainContent, jobs: list[Job], *, money: bool) -> list[Move]:
    moves: list[Move] = []
    while True:
        best, best_key = None, None
        for dataset in sorted({d for _, d in wants(content, jobs)}):
            for target in range(len(content.tree.parent)):
                move = try_move(content, jobs, dataset, target, moves, money=money)
                if move is None or move.benefit <= 0:
                    continue
                key = (-(float(move.benefit) / max(move.bytes, 1)), dataset, target)
                if best_key is None or key < best_key:
                    best, best_key = move, key
        if best is None:
            return moves
        moves.append(best)


def try_move(
    content: PlainContent, jobs: list[Job], dataset: int, target: int, moves: list[Move], *, money: bool
) -> Move | None:
    tree, size = content.tree, content.size[dataset]
    asking = [jobs[j] for j, d in wants(content, jobs) if d == dataset]
    copies = [(m.target, m.end) for m in moves if m.dataset == dataset]
    above = [copy for copy in copies if copy[0] in tree.chain(target)]
    if not any(target in tree.chain(job.cache) for job in asking):
        return None
    if target in content.held[dataset] or target in [cache for cache, _ in copies]:
        return None
    staged = sum(m.bytes for m in moves if m.target == target)
    if size > tree.capacity[target] - content.used(target) - staged:
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


def check(content: PlainContent, moves: list[Move]) -> None:
    """Assert that a plan can be carried out: independent of how it was made."""
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
        assert content.used(cache) + sum(m.bytes for m in moves if m.target == cache) <= capacity
    for link in range(len(tree.parent)):
        busy = sorted(
            (m.begin, m.end) for m in moves if link in tree.links(m.source, m.target) and m.begin < m.end
        )
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(busy)), "one transfer a link at a time"
