"""Reranking by comparing every token of the query with every token of a passage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kedge.errors import InputError
from kedge.tools.encoders._protocol import FloatArray, TokenEncoder
from kedge.tools.knowledge_base.records import Evidence
from kedge.tools.search._fusion import hybrid, reciprocal_rank_fusion
from kedge.tools.search._hits import best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["late_interaction", "maxsim"]

_CANDIDATES = 30


async def late_interaction(
    base: KnowledgeBase, query: str, k: int = 10, *, candidates: int = _CANDIDATES
) -> list[Evidence]:
    """The best of `hybrid`'s candidates by their rank there and by MaxSim, best first, with fused scores.

    The encoder was trained for whole texts, so MaxSim alone ranks worse than both together (measured).

    Raises:
        InputError: when k is less than 1, or the base's encoder gives no token vectors.
    """
    check(k)
    if not isinstance(base.encoder, TokenEncoder):
        raise InputError(
            f"{base.encoder.fingerprint} gives no token vectors", fix="search with another method"
        )
    found = await hybrid(base, query, max(k, candidates))
    [words, *passages] = await base.encoder.encode_tokens([query, *(e.chunk.indexed_text for e in found)])
    scores = await asyncio.to_thread(lambda: [maxsim(words, passage) for passage in passages])
    by_tokens = [number for number, _ in best(enumerate(scores))]
    fused = reciprocal_rank_fusion([range(len(found)), by_tokens])
    return [Evidence(found[i].chunk, score, "says what the query's words mean") for i, score in fused[:k]]


def maxsim(query: FloatArray, passage: FloatArray) -> float:
    """Mean over the query's tokens of the largest cosine with a token of the passage; 0 without tokens.

    Both are rows of unit length.

    Example:
        >>> import numpy as np
        >>> eye = np.eye(3, dtype=np.float32)
        >>> maxsim(eye[:2], eye[1:])
        0.5
    """
    if not len(query) or not len(passage):
        return 0.0
    return float((query @ passage.T).max(axis=1).mean())
