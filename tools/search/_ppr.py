"""Search along the graph: personalised PageRank over entities and the chunks that name them.

After HippoRAG 2 (arXiv 2502.14802): a walk that starts anew, half of the time, at the entities the question
names and, with a smaller weight, at the chunks that resemble it. Where the walk often comes by, the answer's
chunks are, also when they share neither words nor meaning with the question.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kedge.tools.knowledge_base.records import Evidence, entity_key
from kedge.tools.search._fusion import hybrid_hits
from kedge.tools.search._hits import SPARE, Hit, as_evidence, best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase
    from kedge.tools.knowledge_base.graph import KnowledgeGraph

__all__ = ["CompiledGraph", "compiled", "link", "personalised_pagerank", "ppr"]

_Vector = npt.NDArray[np.float64]

_CHUNK_SEEDS = 50
# Share of the restarts that goes to chunks rather than entities.
_CHUNK_SHARE = 0.5
_ENTITY_SEEDS = 10
# A name counts as meant when at least this share of its words' information stands in the question.
_NAMED = 0.6


async def ppr(base: KnowledgeBase, query: str, k: int = 10) -> list[Evidence]:
    """The chunks that a walk from the query's entities and likely chunks visits most, best first.

    Scores are shares of the walk's time. Where the graph is empty, this is the order of `hybrid`.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    chunk_seeds = (await hybrid_hits(base, query, _CHUNK_SEEDS))[:_CHUNK_SEEDS]

    def search() -> list[Evidence]:
        hits = walk(compiled(base.graph), query, chunk_seeds)
        return as_evidence(base, hits[: k + SPARE], k, "close in the graph to what the query names")

    return await asyncio.to_thread(search)


def walk(graph: CompiledGraph, query: str, chunk_seeds: list[Hit]) -> list[Hit]:
    """Chunk ids and visits, best first, of a walk that starts at the query's entities and at these chunks."""
    number = dict(graph.chunks)
    outside = [id for id, _ in chunk_seeds if id not in number]
    size = graph.matrix.shape[0]
    for id in outside:
        number[id] = size + len(number) - len(graph.chunks)
    matrix = sparse.block_diag((graph.matrix, sparse.csr_array((len(outside), len(outside)))), format="csr")
    entities = link(graph, query)
    seeds = np.zeros(matrix.shape[0])
    # An entity that many chunks name says little about where to look.
    for entity, weight in entities.items():
        seeds[entity] = weight / graph.mentions[entity]
    if entities:
        seeds *= (1 - _CHUNK_SHARE) / seeds.sum()
    total = sum(score for _, score in chunk_seeds)
    for id, score in chunk_seeds:
        seeds[number[id]] = _CHUNK_SHARE * score / total
    if not seeds.any():
        return []
    visits = personalised_pagerank(matrix, seeds)
    return best((id, float(visits[place])) for id, place in number.items() if visits[place] > 0)


def personalised_pagerank(
    matrix: sparse.csr_array[Any, Any],
    seeds: _Vector,
    damping: float = 0.5,
    *,
    tolerance: float = 1e-9,
    max_steps: int = 100,
) -> _Vector:
    """How a walk divides its time among the nodes.

    Args:
        matrix: Weights of the edges, shape `(n, n)`; row `i` leads from node `i`.
        seeds: Where the walk starts, not negative, shape `(n,)`; from nodes without edges it also goes there.
        damping: Probability of following an edge rather than starting anew.
        tolerance: Stop when a step changes the result by less, summed over nodes.
        max_steps: Stop here in any case; at damping 0.5, thirty steps reach 1e-9.

    Returns:
        Probabilities, shape `(n,)`.

    Example:
        >>> line = sparse.csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
        >>> personalised_pagerank(line, np.array([1.0, 0.0])).round(3).tolist()
        [0.667, 0.333]
    """
    start = seeds / seeds.sum()
    out = np.asarray(matrix.sum(axis=1)).ravel()
    dangling = out == 0
    share = np.divide(1.0, out, out=np.zeros_like(start), where=~dangling)
    incoming = matrix.T
    x = start
    for _ in range(max_steps):
        moved = damping * (incoming @ (x * share) + x[dangling].sum() * start) + (1 - damping) * start
        change = np.abs(moved - x).sum()
        x = moved
        if change < tolerance:
            break
    return x


@dataclass(frozen=True)
class CompiledGraph:
    """A knowledge graph as arrays: entities are nodes `0 .. e-1`, chunks follow.

    `matrix` holds, in both directions, how many triples join two entities, and 1 where a chunk names an
    entity. `chunks` gives the node of a chunk, `mentions` in how many chunks an entity is named (at least
    1), `words` the entities with a word in their name, `information` that of each word, `weight` the sum
    over an entity's name.
    """

    entities: list[str]
    chunks: Mapping[int, int]
    matrix: sparse.csr_array[Any, Any]
    mentions: npt.NDArray[np.int64]
    words: Mapping[str, list[int]]
    information: Mapping[str, float]
    weight: _Vector


_compiled: WeakKeyDictionary[KnowledgeGraph, tuple[int, CompiledGraph]] = WeakKeyDictionary()


def compiled(graph: KnowledgeGraph) -> CompiledGraph:
    """The graph as arrays, made once for each of its revisions."""
    known = _compiled.get(graph)
    if known is None or known[0] != graph.revision:
        known = _compiled[graph] = graph.revision, _compile(graph)
    return known[1]


def _compile(graph: KnowledgeGraph) -> CompiledGraph:
    entities = sorted(graph.nx.nodes)
    place = {entity: i for i, entity in enumerate(entities)}
    chunks = {id: len(entities) + i for i, id in enumerate(sorted(graph.chunks()))}
    joined = [(place[a], place[b]) for a, b in graph.nx.edges() if a != b]
    named = [(place[entity], node) for id, node in chunks.items() for entity in graph.entities_of(id)]
    size = len(entities) + len(chunks)
    rows, columns = np.array(joined + named, np.int64).reshape(-1, 2).T
    # Duplicates are added up: two triples between the same entities weigh 2.
    half = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size)).tocsr()
    mentions = np.bincount([entity for entity, _ in named], minlength=len(entities))
    words: dict[str, list[int]] = {}
    for i, entity in enumerate(entities):
        for word in set(_words(entity)):
            words.setdefault(word, []).append(i)
    information = {word: float(np.log1p(len(entities) / len(held))) for word, held in words.items()}
    weight = np.array([sum(information[word] for word in set(_words(entity))) for entity in entities])
    return CompiledGraph(
        entities=entities,
        chunks=chunks,
        matrix=(half + half.T).tocsr(),
        mentions=np.maximum(mentions, 1),
        words=words,
        information=information,
        weight=weight,
    )


def link(graph: CompiledGraph, query: str) -> dict[int, float]:
    """The entities that a query names, as nodes, with the share of each name that it says (0.6 to 1)."""
    said: Counter[int] = Counter()
    for word in sorted(set(_words(entity_key(query)))):
        for entity in graph.words.get(word, ()):
            said[entity] += graph.information[word]  # type: ignore[assignment]
    shares = [(entity, value / graph.weight[entity]) for entity, value in said.items()]
    named = [(entity, share) for entity, share in shares if share >= _NAMED]
    # Long names first among equals: they say more about what is meant.
    named.sort(key=lambda hit: (-hit[1] * graph.weight[hit[0]], hit[0]))
    return {entity: float(share) for entity, share in named[:_ENTITY_SEEDS]}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
