"""Topics: what documents are about, with those that say the same taken together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from kedge.agents.extractive.lexicon import STOP_WORDS
from kedge.benchmarks.crumq.index import words_of
from kedge.benchmarks.crumq.records import Record
from kedge.benchmarks.datasets import Passage
from kedge.tools.encoders import Encoder

__all__ = ["Topic", "same_words", "topics_of"]

ALIKE = 0.95  # cosine from which on two topics may be one
_ROWS = 1024


class Topic(Record):
    """A topic and the documents that it was read from."""

    id: str
    text: str
    documents: tuple[str, ...]


def same_words(one: str, other: str) -> bool:
    """Whether each of two topics says all that the other says, word for word.

    Example:
        >>> same_words("The Pier of Hesk", "Hesk pier"), same_words("Hesk pier", "Hesk pier, 1912")
        (True, False)
    """
    return _content(one) == _content(other)


async def topics_of(
    corpus: Sequence[Passage],
    encoder: Encoder,
    *,
    named: Sequence[str] | None = None,
    entails: Callable[[str, str], Awaitable[bool]] | None = None,
) -> list[Topic]:
    """The topics of documents; near-duplicates that entail each other are one, under the longest name.

    Args:
        corpus: The documents.
        encoder: Says which topics are alike.
        named: The topic of each document; by default its title.
        entails: Whether two topics say the same, in both directions; by default the same words.
    """
    texts = list(named) if named is not None else [p.title or p.text[:80] for p in corpus]
    distinct = sorted(set(texts))
    parent = {text: text for text in distinct}

    def root(text: str) -> str:
        while parent[text] != text:
            text = parent[text]
        return text

    vectors = await encoder.encode(distinct)
    for start in range(0, len(distinct), _ROWS):
        near = np.argwhere(vectors[start : start + _ROWS] @ vectors.T >= ALIKE)
        for row, column in near:
            one, other = distinct[start + int(row)], distinct[int(column)]
            if start + row >= column or root(one) == root(other):
                continue
            if same_words(one, other) or (entails is not None and await entails(one, other)):
                long, short = sorted((root(one), root(other)), key=lambda text: (-len(text), text))
                parent[short] = long
    found: dict[str, list[str]] = {}
    for passage, text in zip(corpus, texts, strict=True):
        found.setdefault(root(text), []).append(passage.id)
    return [
        Topic(id=f"t{number}", text=text, documents=tuple(documents))
        for number, (text, documents) in enumerate(sorted(found.items()))
    ]


def _content(text: str) -> frozenset[str]:
    words = words_of(text)
    return frozenset(word for word in words if word not in STOP_WORDS) or frozenset(words)
