"""Search by words and by meaning at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING

from kedge.tools.knowledge_base.records import Evidence
from kedge.tools.search._hits import SPARE, Hit, Key, as_evidence, best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["hybrid", "hybrid_hits", "reciprocal_rank_fusion"]

# How far down each ranking is read: deeper hits hardly count any more.
_DEPTH = 50


async def hybrid(base: KnowledgeBase, query: str, k: int = 10) -> list[Evidence]:
    """The chunks that BM25 and the vectors agree on, best first, with reciprocal rank fusion's scores.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    hits = await hybrid_hits(base, query, k)
    return await asyncio.to_thread(as_evidence, base, hits, k, "found by words and by meaning")


async def hybrid_hits(base: KnowledgeBase, query: str, k: int) -> list[Hit]:
    """Chunk ids and fused scores of `hybrid`, without fetching the chunks."""
    depth = max(_DEPTH, k + SPARE)
    [vector] = await base.encoder.encode([query])

    def search() -> list[Hit]:
        rankings = best(base.full_text.search(query, depth)), best(base.vectors.query(vector, depth))
        return reciprocal_rank_fusion([[chunk for chunk, _ in ranking] for ranking in rankings])

    return await asyncio.to_thread(search)


def reciprocal_rank_fusion(
    rankings: Iterable[Sequence[Key]], *, k: int = 60, weights: Iterable[float] | None = None
) -> list[tuple[Key, float]]:
    """Merges rankings of ids or pages: each gives `1 / (k + rank)`, counting from 1. Best first, ties by id.

    What a ranking gives is multiplied by its weight, where there are `weights`.

    Example:
        >>> [item for item, _ in reciprocal_rank_fusion([[1, 2, 3], [3, 1]])]
        [1, 3, 2]
    """
    scores: dict[Key, float] = {}
    for ranking, weight in zip(rankings, repeat(1.0) if weights is None else weights, strict=False):
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (k + rank)
    return best(scores.items())
