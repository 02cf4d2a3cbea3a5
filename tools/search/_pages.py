"""Search for pages: what is found of a page's text, figures and tables is put together, page by page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kedge.tools.knowledge_base.records import Chunk
from kedge.tools.search._fusion import reciprocal_rank_fusion
from kedge.tools.search._hits import Hit, best, check

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

    Three rankings are fused by reciprocal rank: by words (a page counts with its three best chunks), by
    meaning (with its best), and by what the query names, such as "Figure 4" or "page 12".

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    [vector] = await base.encoder.encode([query])

    def search() -> list[Page]:
        depth = _DEPTH if document_id is None else max(_DEPTH, base.store.chunk_count())
        words, meaning = base.full_text.search(query, depth), base.vectors.query(vector, depth)
        found = base.chunks(sorted({n for hits in (words, meaning) for n, _ in hits}))
        inside = {c.id: c for c in found if c.page is not None and document_id in (None, c.document_id)}
        named = [(n, score) for n, c in inside.items() if (score := _named(query, c))]
        rankings = [_ranked(inside, words, 3), _ranked(inside, meaning, 1), _ranked(inside, named, 1)]
        order = [inside[n] for n, _ in (*best(named), *best(words), *best(meaning)) if n in inside]
        chunks = list({c.id: c for c in order}.values())
        return [
            Page(*page, score, tuple(c for c in chunks if (c.document_id, c.page) == page))
            for page, score in reciprocal_rank_fusion(rankings)[:k]
        ]

    return await asyncio.to_thread(search)


def _ranked(chunks: Mapping[int, Chunk], hits: Sequence[Hit], count: int) -> list[tuple[str, int]]:
    """Pages by the sum of their `count` best chunks' scores."""
    scores: dict[tuple[str, int], list[float]] = {}
    for number, score in best(hits):
        if number in chunks:
            chunk = chunks[number]
            scores.setdefault((chunk.document_id, chunk.page or 0), []).append(score)
    return [page for page, _ in best((page, sum(found[:count])) for page, found in scores.items())]


def _named(query: str, chunk: Chunk) -> float:
    """How many of the numbered figures, tables and pages that a query names a chunk has or stands on."""
    score = 0.0
    for kind, number in _NAMED.findall(query):
        if kind.lower() in ("page", "slide"):
            score += chunk.page == int(number)
        elif re.search(rf"(?i)\b{kind[:3]}\w*\.?\s*{number}\b", chunk.text):
            score += 1.0 if chunk.kind == "image" else 0.5  # the figure itself, or a text about it
    return score
