"""The shortest paths of evidence between two entities, cheapest first."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from kedge.errors import InputError
from kedge.tools.walks.compiled import CompiledGraph, IntArray

__all__ = ["EvidencePath", "evidence_paths"]

HUB: Final = 0.05  # what a hop costs more for each power of e in its target's degree
_EDGES: Final = 100_000  # looked at from either end
_PARTIAL: Final = 20_000  # paths begun


@dataclass(frozen=True, slots=True)
class EvidencePath:
    """A path without cycles: its entities, the triple of each hop, and what it costs."""

    entities: tuple[int, ...]
    triples: tuple[int, ...]
    cost: float


def evidence_paths(
    graph: CompiledGraph,
    start: int,
    end: int,
    count: int = 3,
    *,
    longest: int = 4,
    busiest: int = 1_000,
) -> list[EvidencePath]:
    """The `count` cheapest paths from one entity to another, edges taken in either direction.

    A hop to entity `v` over a triple of weight `w` costs `1 + (1 - w) + HUB·ln(degree of v)`, so that sure
    triples and telling entities come first; of several triples between two entities the surest counts.
    Around very busy ends the search looks at the least busy neighbours first and may leave the rest out.

    Args:
        graph: The compiled graph.
        start: Where the paths begin.
        end: Where they end; a path from an entity to itself has no hops.
        count: How many paths.
        longest: Hops of a path.
        busiest: No path leads through an entity with more edges than this.

    Raises:
        InputError: when `count` or `longest` is less than 1.

    Example:
        >>> from kedge.tools.walks import Edge
        >>> facts = [Edge("ada", "notes", "wrote", 1), Edge("notes", "engine", "describe", 2)]
        >>> graph = CompiledGraph.of_edges((), facts)
        >>> [path.triples for path in evidence_paths(graph, graph.ids["engine"], graph.ids["ada"])]
        [(2, 1)]
    """
    if count < 1 or longest < 1:
        raise InputError(f"cannot find {count} paths of {longest} hops", fix="give numbers from 1")
    if not (0 <= start < len(graph) and 0 <= end < len(graph)):
        return []
    if start == end:
        return [EvidencePath((start,), (), 0.0)]
    hops = _hops(graph, start, end, longest, busiest)
    left = _left(hops, end)
    found: list[EvidencePath] = []
    # Paths are grown best first; what is left of each is known exactly but for cycles, so they end in order.
    heap: list[tuple[float, tuple[int, ...], tuple[int, ...], float]] = []
    if start in left:
        heap.append((left[start], (start,), (), 0.0))
    begun = 0
    while heap and len(found) < count and begun < _PARTIAL:
        _, entities, triples, cost = heapq.heappop(heap)
        here = entities[-1]
        if here == end:
            found.append(EvidencePath(entities, triples, cost))
            continue
        if len(triples) == longest:
            continue
        for target, (price, triple) in hops[here].items():
            if target in left and target not in entities:
                begun += 1
                further = cost + price
                path = (further + left[target], (*entities, target), (*triples, triple), further)
                heapq.heappush(heap, path)
    return found


def _hops(
    graph: CompiledGraph, start: int, end: int, longest: int, busiest: int
) -> dict[int, dict[int, tuple[float, int]]]:
    """From each entity near either end, the cheapest hop to each neighbour: its cost and its triple."""
    degrees = graph.degrees()
    hops: dict[int, dict[int, tuple[float, int]]] = defaultdict(dict)
    for origin, depth in ((start, (longest + 1) // 2), (end, longest // 2)):
        met = np.array([origin], np.int32)
        ring, budget = met, _EDGES
        for _ in range(depth):
            # The least busy first: they say most, and more of them can be looked at.
            ring = ring[np.argsort(degrees[ring], kind="stable")]
            ring = ring[: max(1, int(np.searchsorted(np.cumsum(degrees[ring]), budget)))]
            budget -= int(degrees[ring].sum())
            edges = graph.edges_from(ring)
            owners, targets = np.repeat(ring, degrees[ring]), graph.targets[edges]
            passable = (degrees[targets] <= busiest) | (targets == start) | (targets == end)
            edges, owners, targets = edges[passable], owners[passable], targets[passable]
            if origin == end:
                owners, targets = targets, owners
            _take(graph, hops, owners, targets, edges)
            ring = np.setdiff1d(owners if origin == end else targets, met).astype(np.int32)
            met = np.union1d(met, ring)
            if not len(ring) or budget <= 0:
                break
    return hops


def _take(
    graph: CompiledGraph,
    hops: dict[int, dict[int, tuple[float, int]]],
    owners: IntArray,
    targets: IntArray,
    edges: IntArray,
) -> None:
    degrees = graph.degrees()
    price = 2.0 - np.minimum(graph.weights[edges], 1.0) + HUB * np.log(np.maximum(degrees[targets], 1))
    columns = (owners.tolist(), targets.tolist(), price.tolist(), graph.triples[edges].tolist())
    for owner, target, cost, triple in zip(*columns, strict=True):
        known = hops[owner].get(target, (math.inf, 0))
        hops[owner][target] = min(known, (cost, triple))


def _left(hops: dict[int, dict[int, tuple[float, int]]], end: int) -> dict[int, float]:
    """What the way to the end costs from each entity that has one."""
    before: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for origin, targets in hops.items():
        for target, (price, _) in targets.items():
            before[target].append((origin, price))
    left: dict[int, float] = {}
    heap = [(0.0, end)]
    while heap:
        cost, here = heapq.heappop(heap)
        if here not in left:
            left[here] = cost
            for origin, price in before[here]:
                heapq.heappush(heap, (cost + price, origin))
    return left
