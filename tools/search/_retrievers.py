"""Every search as a LangChain retriever."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, get_args

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from kedge.errors import InputError
from kedge.tools import search
from kedge.tools.knowledge_base.records import Evidence

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["How", "retriever"]

How = Literal["bm25", "dense", "hybrid", "late_interaction", "ppr"]


def retriever(base: KnowledgeBase, how: How = "hybrid", k: int = 10) -> BaseRetriever:
    """A LangChain retriever over a knowledge base.

    Its documents carry `chunk_id`, `document_id`, `source`, `title`, `page`, `start`, `end` and `score` as
    metadata. It can be invoked from synchronous and asynchronous code, also where a loop is already running.

    Args:
        base: What is searched.
        how: The name of a search: bm25, dense, hybrid, late_interaction or ppr.
        k: Documents to return at most.

    Raises:
        InputError: when `how` names no search, or k is less than 1.
    """
    if how not in get_args(How):
        raise InputError(f"there is no search called {how!r}", fix=f"use one of {', '.join(get_args(How))}")
    if k < 1:
        raise InputError(f"cannot search for the best {k}", fix="k must be at least 1")
    return _Retriever(base=base, how=how, k=k)


class _Retriever(BaseRetriever):
    base: Any
    how: How
    k: int

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(evidence) for evidence in await self._search(query)]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        # In a thread of its own, since the caller's may be running a loop (a notebook does).
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(asyncio.run, self._search(query)).result()
        return [_document(evidence) for evidence in found]

    async def _search(self, query: str) -> list[Evidence]:
        found: list[Evidence] = await getattr(search, self.how)(self.base, query, self.k)
        return found


def _document(evidence: Evidence) -> Document:
    chunk = evidence.chunk
    return Document(
        id=str(chunk.id),
        page_content=chunk.text,
        metadata={
            "chunk_id": chunk.id,
            "document_id": chunk.document_id,
            "source": chunk.source,
            "title": chunk.title,
            "page": chunk.page,
            "start": chunk.start,
            "end": chunk.end,
            "score": evidence.score,
        },
    )
