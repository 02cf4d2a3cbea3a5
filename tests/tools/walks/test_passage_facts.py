from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, KnowledgeBase, ParsedDocument
from kedge.tools.walks._passage_facts import facts_of, plain

TITLES = ("Kiss and Tell (1945 film)", "Kiss", "Éva Löwe", "The Kiss and Tell Club")


def parsed(title: str, text: str, *, source: str = "") -> ParsedDocument:
    name = source or title
    return ParsedDocument(name, name, title, text, "text", (Block("paragraph", 0, len(text)),))


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([parsed(title, f"About {title}.") for title in TITLES])
        yield base


def found(base: KnowledgeBase, text: str) -> dict[str, list[str]]:
    named = facts_of(base).named(plain(text))
    return {name: [chunk.title for chunk in base.chunks(chunks)] for name, chunks in named.items()}


async def test_the_longest_title_counts_and_none_inside_it(base: KnowledgeBase) -> None:
    assert found(base, "Who starred in Kiss and Tell?") == {"kiss and tell": ["Kiss and Tell (1945 film)"]}
    assert found(base, "the kiss and tell club of EVA LOWE's kiss") == {
        "the kiss and tell club": ["The Kiss and Tell Club"],
        "eva lowe": ["Éva Löwe"],
        "kiss": ["Kiss"],
    }
    assert found(base, "a kissing tale") == {}


async def test_titles_follow_what_is_added(base: KnowledgeBase) -> None:
    assert found(base, "Varde") == {}
    await base.aadd([parsed("Varde", "A town.")])
    assert found(base, "Varde") == {"varde": ["Varde"]}


async def test_a_long_document_stands_by_its_first_chunks(base: KnowledgeBase) -> None:
    paragraphs = [f"Paragraph {n}. " + "word " * 150 for n in range(12)]
    text = "\n\n".join(paragraphs)
    starts = [text.index(paragraph) for paragraph in paragraphs]
    blocks = tuple(
        Block("paragraph", start, start + len(p)) for start, p in zip(starts, paragraphs, strict=True)
    )
    await base.aadd([ParsedDocument("book", "book", "Long Book", text, "text", blocks)])
    facts = facts_of(base)
    chunks = base.chunks(facts.titled("long book"))
    assert 1 < len(chunks) <= 4
    assert chunks[0].start == 0


async def test_passages_that_are_gone_are_left_out(base: KnowledgeBase) -> None:
    [kiss] = facts_of(base).titled("kiss")
    assert facts_of(base).passages(base, [kiss, 10_000]).keys() == {kiss}
    held = facts_of(base).passages(base, [kiss])[kiss]
    assert held.title == "kiss"
    assert held.terms["kiss"] == 2
    assert held.vector.shape == (64,)


async def test_the_index_says_how_much_a_term_tells(base: KnowledgeBase) -> None:
    index = base.full_text
    assert index.terms("The Kisses of Löwe") == ["the", "kiss", "of", "low"]
    told = index.information(["kiss", "low", "unheard"])
    assert 0 <= told["kiss"] < told["low"] < told["unheard"]
