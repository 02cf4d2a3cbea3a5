"""Search for pages: what is found of a page's text, figures and tables is put together, page by page."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from kedge.tools.knowledge_base.records import Chunk
from kedge.tools.search._fusion import reciprocal_rank_fusion
from kedge.tools.search._hits import Hit, best, check

if TYPE_CHECKING:
    from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["Page", "pages"]

Place = tuple[str, int]

_DEPTH = 200  # chunks whose pages are ranked
_K1, _B = 1.2, 0.75  # as full text has them
_WEIGHTS = (1.5, 1.0, 1.0, 1.0)  # of the rankings
_SEEN = re.compile(
    r"(?i)\b(?:chart|figure|fig|table|photo\w*|image|diagram|map|logo|picture|colou?r\w*|icon|graph|plot|bar|"
    r"shape|screenshot|wearing|box|arrow|line)s?\b"
)
_NAMED = re.compile(r"(?i)\b(figure|fig|table|chart|exhibit|graph|map|page|slide)\b\.?\s*(\d+)")


class Page(NamedTuple):
    """A page of a document, its score, and its chunks that were found, best first."""

    document_id: str
    number: int
    score: float
    chunks: tuple[Chunk, ...]


async def pages(base: KnowledgeBase, query: str, k: int = 5, *, document_id: str | None = None) -> list[Page]:
    """The pages that a query means, best first, in one document or in all that have pages.

    Rankings are fused by reciprocal rank: by words (BM25 over whole pages, since words that stand on a page
    together may stand in different chunks of it; words that follow each other count once more), by meaning (a
    page counts with its best chunk), by what the query names, such as "Figure 4" or "page 12", and, where it
    asks for something that is seen, by words again among pages with pictures.

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
        said = _by_words(base, query, list(inside.values()))
        pictured = {_place(c) for c in inside.values() if c.kind == "image" and _SEEN.search(query)}
        rankings = [
            said,
            _by_best(inside, meaning),
            _by_best(inside, named),
            [place for place in said if place in pictured],
        ]
        order = [inside[n] for n, _ in (*best(named), *best(words), *best(meaning)) if n in inside]
        chunks = list({c.id: c for c in order}.values())
        return [
            Page(*page, score, tuple(c for c in chunks if _place(c) == page))
            for page, score in reciprocal_rank_fusion(rankings, weights=_WEIGHTS)[:k]
        ]

    return await asyncio.to_thread(search)


def _by_words(base: KnowledgeBase, query: str, chunks: Sequence[Chunk]) -> list[Place]:
    """Pages by BM25 over terms and pairs of terms, each page as one text; rarity is that among these pages.

    The labels of a figure stand in the page's own text already, unless it has none.
    """
    written = {_place(chunk) for chunk in chunks if chunk.kind != "image"}
    texts: dict[Place, list[str]] = {}
    for chunk in chunks:
        if chunk.kind != "image" or _place(chunk) not in written:
            texts.setdefault(_place(chunk), []).extend(base.full_text.terms(chunk.text))
    pages = {place: Counter(_with_pairs(terms)) for place, terms in texts.items()}
    asked = set(_with_pairs(base.full_text.terms(query)))
    held = Counter(term for page in pages.values() for term in asked & page.keys())
    rare = {term: math.log(1 + (len(pages) - n + 0.5) / (n + 0.5)) for term, n in held.items()}
    mean = sum(page.total() for page in pages.values()) / max(1, len(pages))
    scores: dict[Place, float] = {}
    for place, page in pages.items():
        room = _K1 * (1 - _B + _B * page.total() / mean) if mean else 0.0
        scores[place] = sum(rare[t] * page[t] * (_K1 + 1) / (page[t] + room) for t in rare if page[t])
    return [place for place, score in best(scores.items()) if score > 0]


def _with_pairs(terms: Sequence[str]) -> list[str]:
    return [*terms, *map(" ".join, pairwise(terms))]


def _by_best(chunks: Mapping[int, Chunk], hits: Sequence[Hit]) -> list[Place]:
    """Pages by the score of their best chunk."""
    found = (chunks[number] for number, _ in best(hits) if number in chunks)
    return list(dict.fromkeys(map(_place, found)))


def _place(chunk: Chunk) -> Place:
    return chunk.document_id, chunk.page or 0


def _named(query: str, chunk: Chunk) -> float:
    """How many of the numbered figures, tables and pages that a query names a chunk has or stands on."""
    score = 0.0
    for kind, number in _NAMED.findall(query):
        if kind.lower() in ("page", "slide"):
            score += chunk.page == int(number)
        elif re.search(rf"(?i)\b{kind[:3]}\w*\.?\s*{number}\b", chunk.text):
            score += 1.0 if chunk.kind == "image" else 0.5  # the figure itself, or a text about it
    return score
