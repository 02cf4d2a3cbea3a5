"""Pages: found by their words, by what they mean, and by what a question names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, KnowledgeBase, ParsedDocument
from kedge.tools.search import pages

PAGES = (
    "The harbour was dredged. See Figure 2 for the depth of the harbour.",
    "Picture on page 2\nFigure 2: Depth by year",
    "Herring were landed at the quay, and herring were salted.",
)


def report(name: str) -> ParsedDocument:
    text = "\n\n".join(PAGES)
    blocks, start = [], 0
    for number, page in enumerate(PAGES, start=1):
        blocks.append(
            Block("image" if page.startswith("Picture") else "paragraph", start, start + len(page), number)
        )
        start += len(page) + 2
    return ParsedDocument(name, name, name, text, "pdf", tuple(blocks))


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd(
            [report("first"), ParsedDocument("note", "note", "note", "herring herring", "text", ())]
        )
        yield base


async def test_a_page_is_found_by_its_words_and_text_without_pages_is_none(base: KnowledgeBase) -> None:
    found = await pages(base, "Who salted herring at the quay?", 5)
    assert found[0].number == 3
    assert [chunk.page for chunk in found[0].chunks] == [3]
    assert {page.document_id for page in found} == {base.document("first").id}


async def test_words_count_together_that_stand_in_different_chunks_of_a_page(base: KnowledgeBase) -> None:
    parts = ("The mole was raised.", "Granite came by sea.", "The mole. A mole. Another mole.", "Herring.")
    starts = [sum(len(part) + 2 for part in parts[:n]) for n in range(len(parts))]
    blocks = [
        Block("image", start, start + len(part), page)  # images are chunks of their own
        for start, part, page in zip(starts, parts, (1, 1, 2, 3), strict=True)
    ]
    await base.aadd([ParsedDocument("m", "m", "m", "\n\n".join(parts), "pdf", tuple(blocks))])
    found = await pages(base, "mole of granite", 3, document_id=base.document("m").id)
    assert found[0].number == 1
    assert len(found[0].chunks) == 2


async def test_what_is_named_comes_first(base: KnowledgeBase) -> None:
    words = "Of the harbour, the quay and salted herring:"
    for named, page in (
        ("Figure 2", 2),
        ("the second figure", 2),
        ("page two", 2),
        ("slide 1", 1),
        ("the last page", 3),
        ("pages 5, 7 and 2", 2),
        ("Figures 1 to 4", 2),
    ):
        [best, *_] = await pages(base, f"{words} what is shown on {named}?", 3)
        assert best.number == page, named
    [best, *_] = await pages(base, f"{words} what is in Figure 2.1 of chapter 2?", 3)
    assert best.score < 1, "another figure, and no figure at all"


async def test_how_the_answer_is_to_be_written_is_not_looked_for(base: KnowledgeBase) -> None:
    question = "Who salted at the quay?"
    asked = await pages(base, f"{question} Write the answer as a list, e.g. a harbour of depth.", 3)
    assert asked == await pages(base, question, 3)


async def test_a_document_can_be_named(base: KnowledgeBase) -> None:
    await base.aadd(
        [
            ParsedDocument(
                "second", "second", "Other", "Salted herring", "pdf", (Block("paragraph", 0, 14, 1),)
            )
        ]
    )
    other = base.document("second").id
    found = await pages(base, "herring", 5, document_id=other)
    assert [(page.document_id, page.number) for page in found] == [(other, 1)]


async def test_no_pages_no_hits(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="best 0"):
        await pages(base, "herring", 0)
    await base.aremove(["first"])
    assert await pages(base, "herring", 3) == []
