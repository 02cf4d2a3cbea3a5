"""Chunks are found under other words, which live and go with them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kedge.agents.decisions import Augmentation
from kedge.agents.expanding import expanding
from kedge.agents.extractive import ExtractiveCast
from kedge.agents.scripted import ScriptedCast
from kedge.errors import DecisionFailed
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, Chunk, Expansion, Extraction, KnowledgeBase, ParsedDocument
from kedge.tools.knowledge_base.opening import FILE
from kedge.tools.search import bm25

TEXT = "The pier of Saltmarsh was built in 1771 by Ada Moss."
BORN = "Ada Lovell was born in Saltmarsh."


def document(text: str = TEXT, source: str = "pier") -> ParsedDocument:
    return ParsedDocument(source, source, "Pier", text, "text", (Block("paragraph", 0, len(text)),))


async def extract(chunk: Chunk) -> Extraction:
    return Extraction(expansion=Expansion(("Who was the architect?", "jetty"), "a person"))


async def added(path: Path, source: ParsedDocument | None = None) -> None:
    with KnowledgeBase.open(path, encoder=FakeEncoder(), create=True) as base:
        await base.aadd([source or document()], extract=extract)


async def found(path: Path, words: str) -> list[str]:
    with KnowledgeBase.open(path, encoder=FakeEncoder()) as base:
        return [item.chunk.text for item in await bm25(base, words, 5)]


async def test_other_words_find_the_chunk_and_are_no_part_of_its_text(tmp_path: Path) -> None:
    await added(tmp_path)
    assert await found(tmp_path, "architect") == await found(tmp_path, "jetty") == [TEXT]
    assert await found(tmp_path, "lighthouse") == []


async def test_rows_say_who_made_them(tmp_path: Path) -> None:
    await added(tmp_path)
    with KnowledgeBase.open(tmp_path, encoder=FakeEncoder()) as base:
        [chunk] = base.chunks_of(base.documents()[0].id)
        kept = base.store.expansions([chunk.id])
    assert kept == {chunk.id: Expansion(("Who was the architect?", "jetty"), "a person")}


async def test_they_outlive_their_index_and_go_with_their_document(tmp_path: Path) -> None:
    await added(tmp_path)
    shutil.rmtree(tmp_path / "full_text")
    with KnowledgeBase.open(tmp_path, encoder=FakeEncoder()) as base:
        base.repair()
    assert await found(tmp_path, "architect") == [TEXT]
    with KnowledgeBase.open(tmp_path, encoder=FakeEncoder()) as base:
        [chunk] = base.chunks_of(base.documents()[0].id)
        await base.aremove(["pier"])
        assert base.store.expansions([chunk.id]) == {}
    assert await found(tmp_path, "architect") == []


async def test_a_base_made_before_there_were_any_takes_them(tmp_path: Path) -> None:
    await added(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("DROP TABLE expansions")
    await added(tmp_path, document("A second pier.", "second"))
    assert await found(tmp_path, "architect second") != []


async def test_the_cast_makes_them_at_ingestion(tmp_path: Path) -> None:
    cast = ExtractiveCast(FakeEncoder())
    with KnowledgeBase.open(tmp_path, encoder=FakeEncoder(), create=True) as base:
        await base.aadd([document(BORN)], extract=expanding(cast, cast.extract_triples))
        [chunk] = base.chunks_of(base.documents()[0].id)
        made = base.store.expansions([chunk.id])[chunk.id]
        assert made.made_by == "ExtractiveCast"
        assert "What is the place of birth of Ada Lovell?" in made.texts
        assert base.triples(), "what is extracted besides stays"
        assert [item.chunk.text for item in await bm25(base, "birth", 5)] == [BORN]


async def test_a_chunk_that_cannot_be_expanded_is_reported_by_name(tmp_path: Path) -> None:
    cast = ScriptedCast({"augment": [DecisionFailed("no words")]})
    with KnowledgeBase.open(tmp_path, encoder=FakeEncoder(), create=True) as base:
        report = await base.aadd([document()], extract=expanding(cast))
    assert [failure.source for failure in report.failed] == ["pier"]
    assert report.added == 0


@pytest.mark.parametrize("made", [Augmentation(), Augmentation(questions=(("____ is a pier.", "It"),))])
async def test_nothing_is_kept_where_nothing_is_new(tmp_path: Path, made: Augmentation) -> None:
    read = expanding(ScriptedCast({"augment": [made]}))
    chunk = Chunk(1, "d", "s", "", "", TEXT, 0, len(TEXT))
    assert await read(chunk) == Extraction()
