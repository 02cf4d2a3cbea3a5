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
Thing = tuple[str, int]  # such as ("table", 3), or ("page", 12)

_DEPTH = 200  # chunks whose pages are ranked
_K1, _B = 1.2, 0.75  # as full text has them
_WEIGHTS = (1.5, 1.0, 1.0)  # of the rankings
_SEEN = re.compile(
    r"(?i)\b(?:chart|figure|fig|table|photo\w*|image|diagram|map|logo|picture|colou?r\w*|icon|graph|plot|bar|"
    r"shape|screenshot|wearing|box|arrow|line)s?\b"
)
_CARDINALS = [
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
    "twenty",
]
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_COUNTED = {word: n for words in (_CARDINALS, _ORDINALS) for n, word in enumerate(words, start=1)}
_LAST = 0  # stands for the number of a document's last page
_THING = r"(fig(?:ure)?|table|chart|exhibit|graph|map|page|slide)"
_ONE = re.compile(rf"\b{_THING}\.?\s*(\d{{1,5}})\b(?!\.\d)")
_SPELT = re.compile(rf"\b(page|slide)\s+({'|'.join(_CARDINALS)})\b")
_SEVERAL = re.compile(rf"\b{_THING}s\s+(\d{{1,5}}(?:\s?(?:,|-|–|to|or|,?\s?and)\s?\d{{1,5}})*)")
_ORDERED = re.compile(rf"\b({'|'.join(_ORDINALS)})\s+{_THING}\b")
_AT_THE_END = re.compile(r"\blast\s+(?:page|slide)\b")
_RUN = re.compile(r"(\d+)(?:\s?(?:-|–|to)\s?(\d+))?")
_LONGEST_RUN = 50  # pages
# How the answer is to be written, as tests of models ask: no word of it stands on the page that is meant.
_FORM = re.compile(
    r"(?i)\b(?:answers?|format(?:ted)?|e\.g|for example|decimals?|alphabetical(?:ly)?|ascending)\b"
)


class Page(NamedTuple):
    """A page of a document, its score, and its chunks that were found, best first."""

    document_id: str
    number: int
    score: float
    chunks: tuple[Chunk, ...]


async def pages(base: KnowledgeBase, query: str, k: int = 5, *, document_id: str | None = None) -> list[Page]:
    """The pages that a query means, best first, in one document or in all that have pages.

    What the query names, such as "Figure 4", "page 12" or "the last page", comes first. Apart from
    that, rankings are fused by reciprocal rank: by words (BM25 over whole pages, since words that stand on a
    page together may stand in different chunks of it; words that follow each other count once more), by
    meaning (a page counts with its best chunk), and, where it asks for something that is seen, by words again
    among pages with pictures. Sentences that say how the answer is to be written are not searched for.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    asked = _asked(query)
    [vector] = await base.encoder.encode([asked])

    def search() -> list[Page]:
        depth = _DEPTH if document_id is None else max(_DEPTH, base.store.chunk_count())
        words, meaning = base.full_text.search(asked, depth), base.vectors.query(vector, depth)
        found = base.chunks(sorted({n for hits in (words, meaning) for n, _ in hits}))
        inside = {c.id: c for c in found if c.page is not None and document_id in (None, c.document_id)}
        said = _by_words(base, asked, list(inside.values()))
        pictured = {_place(c) for c in inside.values() if c.kind == "image" and _SEEN.search(asked)}
        rankings = [said, _by_best(inside, meaning), [place for place in said if place in pictured]]
        named = _named(asked, list(inside.values()))
        scores = Counter(dict(reciprocal_rank_fusion(rankings, weights=_WEIGHTS)))
        for place, _ in {(_place(inside[n]), thing) for n, things in named.items() for thing in things}:
            scores[place] += 1  # more than all rankings together give
        order = dict.fromkeys(n for n, _ in (*best(words), *best(meaning)) if n in inside)
        chunks = [inside[n] for n in sorted(order, key=lambda n: n not in named)]
        return [
            Page(*page, score, tuple(c for c in chunks if _place(c) == page))
            for page, score in best(scores.items())[:k]
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


def _asked(query: str) -> str:
    """A query without the sentences, after its first, that say how the answer is to be written."""
    first, *others = re.split(r"(?<=[.?!])\s+(?=[A-Z])", query.strip())
    return " ".join([first, *(sentence for sentence in others if not _FORM.search(sentence))])


def _named(query: str, chunks: Sequence[Chunk]) -> dict[int, set[Thing]]:
    """What each chunk has of the numbered pages, figures and tables that a query names; others are left out.

    A figure is where its caption is: where a line begins with its name, or a colon follows that.
    """
    things = _things(query.casefold())
    last: dict[str, int] = {}
    for chunk in chunks:
        last[chunk.document_id] = max(last.get(chunk.document_id, 0), chunk.page or 0)

    def has(chunk: Chunk, thing: Thing) -> bool:
        kind, number = thing
        if kind == "page":
            return chunk.page == (last[chunk.document_id] if number == _LAST else number)
        name = rf"(?i:{kind})\w*\.?\s*{number}"
        return bool(re.search(rf"(?m)^{name}(?:[:.]?\s*$|[:.|–—-]\s|\s+[A-Z])|\b{name}:", chunk.text))

    held = {chunk.id: {thing for thing in things if has(chunk, thing)} for chunk in chunks}
    return {number: found for number, found in held.items() if found}


def _things(query: str) -> set[Thing]:
    """The numbered things that a query in small letters names."""
    found = [(kind, _COUNTED[word]) for kind, word in _SPELT.findall(query)]
    found += [(kind, _COUNTED[word]) for word, kind in _ORDERED.findall(query)]
    for kind, numbers in (*_ONE.findall(query), *_SEVERAL.findall(query)):
        for first, end in _RUN.findall(numbers):
            start = int(first)
            found += [(kind, n) for n in range(start, min(int(end or first), start + _LONGEST_RUN) + 1)]
    if _AT_THE_END.search(query):
        found.append(("page", _LAST))
    same = {"slide": "page", "figure": "fig"}
    return {(same.get(kind, kind), number) for kind, number in found}
