"""What a graph holds around some entities that has to do with a text."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kedge.errors import InputError
from kedge.tools.encoders import Encoder
from kedge.tools.knowledge_base import KnowledgeGraph, Triple, entity_key
from kedge.tools.walks.compiled import compiled
from kedge.tools.walks.pagerank import local_push

__all__ = ["Neighbourhood", "among", "nearest", "neighbourhood"]

_NEAR: Final = 1e-5  # error of the walk that finds what is near: it looks at 200,000 edges at most
_READ: Final = 4  # triples whose relevance is measured, for each that is wanted


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A connected part of a graph for each start.

    Attributes:
        entities: Keys of its entities, starts first, with the relevance of the best triple at each.
        triples: Its triples with their relevance (the cosine with the text), in the order they were reached.
    """

    entities: Mapping[str, float]
    triples: tuple[tuple[Triple, float], ...]


async def neighbourhood(
    graph: KnowledgeGraph,
    encoder: Encoder,
    text: str,
    starts: Sequence[str],
    *,
    hops: int = 2,
    most: int = 40,
) -> Neighbourhood:
    """The triples within some hops of the starts that have most to do with a text.

    A walk from the starts proposes what is near, so hubs cost no more than others. Of that the part grows
    from the starts by the triple that resembles the text most, so that each triple hangs together with one.

    Args:
        graph: The graph.
        encoder: Compares the text with triples.
        text: A question, or a part of one.
        starts: Names or keys of entities; those that are not in the graph are left out.
        hops: How far from a start.
        most: How many triples.

    Raises:
        InputError: when `hops` or `most` is less than 1.
    """
    if hops < 1 or most < 1:
        raise InputError(f"cannot show {most} triples within {hops} hops", fix="give numbers from 1")
    with graph.lock:
        arrays = compiled(graph)
        known = dict.fromkeys(key for key in map(entity_key, starts) if key in graph.nx)
        near = _near(graph, [arrays.ids[key] for key in known], _READ * most)
    vectors = await encoder.encode([text, *(f"{t.subject} {t.relation} {t.object}" for t in near.values())])
    relevance = dict(zip(near, (vectors[1:] @ vectors[0]).tolist(), strict=True))
    return _grown(near, relevance, list(known), hops, most)


def nearest(graph: KnowledgeGraph, starts: Sequence[str], *, most: int = 100) -> list[Triple]:
    """The triples around some entities, given by name or key, that a walk from them passes most often.

    Takes about the same time at a hub, and in a large graph, as elsewhere.

    Example:
        >>> from kedge.tools.knowledge_base.rows import TripleRow
        >>> graph = KnowledgeGraph()
        >>> graph.add([TripleRow(1, "d", 7, "Ada", "wrote", "Notes", "ada", "notes", 1.0)])
        >>> print(*nearest(graph, ["Ada"]))
        Ada — wrote → Notes
    """
    with graph.lock:
        arrays = compiled(graph)
        known = dict.fromkeys(key for key in map(entity_key, starts) if key in graph.nx)
        return list(_near(graph, [arrays.ids[key] for key in known], most).values())


def among(graph: KnowledgeGraph, entities: Sequence[str]) -> list[Triple]:
    """The triples that stand between any two of some entities, given by name or key.

    Example:
        >>> from kedge.tools.knowledge_base.rows import TripleRow
        >>> graph = KnowledgeGraph()
        >>> graph.add([TripleRow(1, "d", 7, "Ada", "wrote", "Notes", "ada", "notes", 1.0)])
        >>> print(*among(graph, ["Ada", "Notes"]), len(among(graph, ["Ada"])))
        Ada — wrote → Notes 0
    """
    with graph.lock:
        part = graph.nx.subgraph(map(entity_key, entities))
        return [_triple(graph, *edge) for edge in part.edges(keys=True)]


def _triple(graph: KnowledgeGraph, subject: str, object_: str, number: int) -> Triple:
    """The triple of this number, by the keys of its ends."""
    data, names = graph.nx.edges[subject, object_, number], graph.nx.nodes
    chunk = -number if data["chunk_id"] is None else data["chunk_id"]
    return Triple(
        number,
        names[subject]["name"],
        str(data["relation"]),
        names[object_]["name"],
        chunk,
        float(data["confidence"]),
    )


def _near(graph: KnowledgeGraph, starts: Sequence[int], most: int) -> dict[tuple[str, str, int], Triple]:
    """The triples where a walk from the starts comes by most often, by their place in the graph."""
    arrays = compiled(graph)
    visits = local_push(arrays, dict.fromkeys(starts, 1.0), error=_NEAR)
    by = np.array(list(dict.fromkeys((*starts, *visits.top(2 * most)))), np.int32)
    edges = arrays.edges_from(by)
    owners = np.repeat(by, arrays.degrees()[by])
    # A triple is passed from either side; each side gives its time to all its triples alike.
    passing = visits.shares / np.maximum(1, visits.degrees)
    order = np.argsort(-(passing[owners] + passing[arrays.targets[edges]]), kind="stable")[: 2 * most]
    found: dict[tuple[str, str, int], Triple] = {}
    for at in order:
        here, there = arrays.keys[owners[at]], arrays.keys[arrays.targets[edges[at]]]
        number = int(arrays.triples[edges[at]])
        ends = (here, there) if graph.nx.has_edge(here, there, number) else (there, here)
        found[(*ends, number)] = _triple(graph, *ends, number)
    return dict(list(found.items())[:most])


def _grown(
    near: Mapping[tuple[str, str, int], Triple],
    relevance: Mapping[tuple[str, str, int], float],
    starts: Sequence[str],
    hops: int,
    most: int,
) -> Neighbourhood:
    """Grow from the starts by the most relevant triple at hand."""
    at: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for place in near:
        for end in dict.fromkeys(place[:2]):
            at[end].append(place)
    distance = dict.fromkeys(starts, 0)
    heap = [(-relevance[place], place) for start in starts for place in at[start]]
    heapq.heapify(heap)
    taken: dict[tuple[str, str, int], float] = {}
    entities: dict[str, float] = dict.fromkeys(starts, 0.0)
    while heap and len(taken) < most:
        _, place = heapq.heappop(heap)
        if place in taken:
            continue
        taken[place] = relevance[place]
        reach = 1 + min(distance[end] for end in place[:2] if end in distance)
        for end in place[:2]:
            entities[end] = max(entities.get(end, 0.0), relevance[place])
            if end not in distance:
                distance[end] = reach
                if reach < hops:
                    for other in at[end]:
                        heapq.heappush(heap, (-relevance[other], other))
    return Neighbourhood(entities, tuple((near[place], value) for place, value in taken.items()))
