"""Search by meaning."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kedge.tools.knowledge_base.records import Evidence
from kedge.tools.search._hits import SPARE, as_evidence, best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["dense"]


async def dense(base: KnowledgeBase, query: str, k: int = 10) -> list[Evidence]:
    """The chunks whose vectors are nearest to the query's, best first, with the cosines.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    [vector] = await base.encoder.encode([query])

    def search() -> list[Evidence]:
        return as_evidence(
            base, best(base.vectors.query(vector, k + SPARE)), k, "means something close to the query"
        )

    return await asyncio.to_thread(search)
