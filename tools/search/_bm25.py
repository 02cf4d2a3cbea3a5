"""Search by words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kedge.tools.knowledge_base.records import Evidence
from kedge.tools.search._hits import SPARE, as_evidence, best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["bm25"]


async def bm25(base: KnowledgeBase, query: str, k: int = 10) -> list[Evidence]:
    """The chunks whose words say most about the query, best first, with their BM25 scores.

    The query is text: nothing in it is read as an operator.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)

    def search() -> list[Evidence]:
        return as_evidence(
            base, best(base.full_text.search(query, k + SPARE)), k, "shares words with the query"
        )

    return await asyncio.to_thread(search)
