"""Search for pages: what is found of a page's text, figures and tables is put together, page by page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from kedge.tools.knowledge_base.records import Chunk
from kedge.tools.search._fusion import reciprocal_rank_fusion
from kedge.tools.search._hits import best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["Page", "pages"]

_DEPTH = 200  # chunks whose pages are ranked
_NAMED = re.compile(r"(?i)\b(figure|fig|table|chart|exhibit|graph|map|page|slide)\b\.?\s*(\d+)")


class Page(NamedTuple):
    """A page of a document, its score, and its chunks that were found, best first."""

    document_id: str
    number: int
    score: float
    chunks: tuple[Chunk, ...]


async def pages(base: KnowledgeBase, query: str, k: int = 5, *, document_id: str | None = None) -> list[Page]:
    """The pages that a query means, best first, in one document or in all that have pages.

    Rankings by words, by meaning, and by what a query names ("Figure 4", "page 12", a chart, a table) are
    fused by reciprocal rank, each counting a page by its best chunk.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    [vector] = await base.encoder.encode([query])

    def search() -> list[Page]:
        depth = _DEPTH if document_id is None else max(_DEPTH, base.store.chunk_count())
        hits = [best(base.full_text.search(query, depth)), best(base.vectors.query(vector, depth))]
        found = {c.id: c for c in base.chunks(sorted({n for ranking in hits for n, _ in ranking}))}
        inside = {n: c for n, c in found.items() if document_id in (None, c.document_id)}
        rankings = [[inside[n] for n, _ in ranking if n in inside] for ranking in hits]
        named = best((n, _named(query, c)) for n, c in inside.items())
        rankings.append([inside[n] for n, score in named if score])
        fused = reciprocal_rank_fusion([_ranked(ranking) for ranking in rankings])
        chunks = list({c.id: c for ranking in reversed(rankings) for c in ranking}.values())
        return [
            Page(*page, score, tuple(c for c in chunks if (c.document_id, c.page) == page))
            for page, score in fused[:k]
        ]

    return await asyncio.to_thread(search)


def _ranked(chunks: Iterable[Chunk]) -> list[tuple[str, int]]:
    """The pages of chunks, each where its first chunk stands."""
    return list(dict.fromkeys((c.document_id, c.page) for c in chunks if c.page is not None))


def _named(query: str, chunk: Chunk) -> float:
    """How many of the numbered figures, tables and pages that a query names a chunk has or stands on."""
    score = 0.0
    for kind, number in _NAMED.findall(query):
        if kind.lower() in ("page", "slide"):
            score += chunk.page == int(number)
        elif re.search(rf"(?i)\b{kind[:3]}\w*\.?\s*{number}\b", chunk.text):
            score += 1.0 if chunk.kind == "image" else 0.5  # the figure itself, or a text about it
    return score
