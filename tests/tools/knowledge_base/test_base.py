from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from kedge.errors import BudgetExceeded, InputError, ModelError, StoreError
from kedge.testing import FakeEncoder
from kedge.tools.encoders import FloatArray
from kedge.tools.knowledge_base import (
    Chunk,
    Extraction,
    KnowledgeBase,
    ParsedDocument,
    Progress,
    TripleDraft,
)
from kedge.tools.knowledge_base.opening import FILE


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with make(tmp_path / "base") as base:
        yield base


def make(path: Path, *, wait: float = 5.0) -> KnowledgeBase:
    return KnowledgeBase.open(path, encoder=FakeEncoder(), create=True, wait=wait)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(base: KnowledgeBase, words: str) -> list[str]:
    ids = [number for number, _ in base.full_text.search(words, 10)]
    return [chunk.text for chunk in base.chunks(ids)]


async def nearest(base: KnowledgeBase, text: str) -> list[str]:
    vector = (await base.encoder.encode([text]))[0]
    return [chunk.text for chunk in base.chunks([number for number, _ in base.vectors.query(vector, 3)])]


def consistent(base: KnowledgeBase) -> bool:
    ids = {chunk.id for document in base.documents() for chunk in base.chunks_of(document.id)}
    return ids == base.vectors.ids() == base.full_text.ids() and base.store.journal() == []


def triples_of(words: str) -> Extraction:
    first, _, rest = words.partition(" ")
    return Extraction((TripleDraft(first, "says", rest),), (first,))


async def says(chunk: Chunk) -> Extraction:
    return triples_of(chunk.text)


# --- adding -------------------------------------------------------------------------------------------------


async def test_an_added_file_is_found_by_words_and_by_meaning(base: KnowledgeBase, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "A kedge is a light anchor.")
    report = await base.aadd([file])
    assert (report.added, report.chunks, report.failed) == (1, 1, ())
    assert found(base, "anchor") == await nearest(base, "light anchor") == ["A kedge is a light anchor."]
    document = base.document(str(file))
    assert base.document(document.id[:6]) == document
    assert base.text(document.id) == "A kedge is a light anchor."


async def test_adding_the_same_again_changes_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "A kedge.")
    await base.aadd([file])
    ids = base.vectors.ids()
    report = await base.aadd([file, str(file)])
    assert (report.added, report.unchanged, report.duplicates) == (0, 1, 0)
    assert base.vectors.ids() == ids


async def test_a_changed_file_replaces_what_it_said(base: KnowledgeBase, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "The old anchor.")
    await base.aadd([file])
    write(file, "The new sail.")
    report = await base.aadd([file])
    assert (report.added, report.replaced, report.removed) == (1, 1, 0)
    assert found(base, "anchor") == []
    assert found(base, "sail") == ["The new sail."]
    assert consistent(base)


async def test_rows_come_go_and_move_with_their_file(base: KnowledgeBase, tmp_path: Path) -> None:
    rows = [f'{{"text": "row number {n}"}}\n' for n in range(600)]
    file = write(tmp_path / "a.jsonl", "".join(rows))
    await base.aadd([file])
    write(file, '{"text": "a new first row"}\n' + "".join(rows[5:]))
    report = await base.aadd([file])
    assert (report.added, report.unchanged, report.replaced + report.removed) == (1, 595, 5)
    assert len(base.documents()) == 596
    moved = base.document(f"{file}#2")
    assert base.text(moved.id) == "row number 5"
    assert consistent(base)


async def test_equal_content_is_stored_once_and_stays_while_one_file_holds_it(
    base: KnowledgeBase,
) -> None:
    document = ParsedDocument("one", "one", "T", "Equal.", "text", ())
    await base.aadd([document])
    report = await base.aadd([ParsedDocument("two", "two", "T", "Equal.", "text", ())])
    assert (report.added, report.duplicates) == (0, 1)
    await base.aremove(["one"])
    assert [left.source for left in base.documents()] == ["two"]
    assert (await base.aremove(["two"])).chunks == 1
    assert base.documents() == []


async def test_bad_files_are_reported_and_the_rest_is_added(base: KnowledgeBase, tmp_path: Path) -> None:
    files = [write(tmp_path / "in" / f"{n}.txt", f"file {n}") for n in range(1_000)]
    for file in files[::150]:
        file.write_bytes(b"\x00\x01\xff\xfe" * 50)
    report = await base.aadd(files)
    assert report.added == 993
    assert [failure.source for failure in report.failed] == [str(file) for file in files[::150]]
    assert consistent(base)


async def test_a_file_that_became_unreadable_keeps_what_it_said(base: KnowledgeBase, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", '{"text": "one"}\n{"text": "two"}\n')
    await base.aadd([file])
    write(file, '{"text": "uno"}\n{"text": \n')
    report = await base.aadd([file])
    assert len(report.failed) == 1
    assert {base.text(document.id) for document in base.documents()} == {"uno", "two"}


async def test_progress_is_told_after_each_stored_batch(base: KnowledgeBase, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", "".join(f'{{"text": "row {n}"}}\n' for n in range(700)))
    seen: list[tuple[Progress, int]] = []
    await base.aadd([file], on_progress=lambda p: seen.append((p, len(base.documents()))))
    assert [p.done for p, _ in seen] == [stored for _, stored in seen]
    assert seen[-1][0] == Progress(700, 700, "documents", "done", f"{file}#700")
    assert seen[0][0].total is None


async def test_progress_of_a_small_addition_is_told_too(base: KnowledgeBase, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{number}.txt", f"Note {number}.") for number in range(76)]
    done: list[int] = []
    await base.aadd(files, on_progress=lambda p: done.append(p.done))
    assert done == sorted(set(done))
    assert len(done) >= 3
    assert done[0] <= 20


async def test_half_a_character_is_an_error_of_that_document_only(base: KnowledgeBase) -> None:
    bad = ParsedDocument("bad", "bad", "", "half \ud800", "text", ())
    good = ParsedDocument("good", "good", "", "whole", "text", ())
    report = await base.aadd([bad, good])
    assert report.added == 1
    assert "surrogate" in str(report.failed[0].error)


async def test_images_are_kept_under_a_name_of_their_own(base: KnowledgeBase) -> None:
    picture = ParsedDocument("../../x.png", "../../x.png", "X", "a drawing", "image", (), image=b"\x89PNG!")
    await base.aadd([picture])
    kept = base.image(base.document("../../x.png").id)
    assert kept is not None
    assert kept.parent == base.path / "images"
    assert kept.read_bytes() == b"\x89PNG!"
    assert base.stats().images == 1
    await base.aremove(["../../x.png"])
    assert not kept.exists()


# --- triples and graph --------------------------------------------------------------------------------------


async def test_triples_follow_their_documents(base: KnowledgeBase, tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "Ada wrote notes.")
    assert (await base.aadd([file], extract=says)).triples == 1
    (triple,) = base.triples(entity="ADA")
    assert base.triples(chunks=[triple.chunk_id]) == [triple] == base.triples(ids=[triple.id])
    assert base.graph.chunks_of("ada") == {triple.chunk_id}
    write(file, "Bo wrote notes.")
    await base.aadd([file], extract=says)
    assert "Ada" not in base.graph
    assert base.graph.entities_of(base.triples()[0].chunk_id) == {"bo", "wrote notes."}


async def test_a_document_whose_extraction_fails_fails_alone_and_its_old_version_stays(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    async def fail_on_bad(chunk: Chunk) -> Extraction:
        if "bad" in chunk.text:
            raise ModelError("no answer")
        return Extraction()

    files = [write(tmp_path / f"{n}.txt", f"good {n}") for n in range(3)]
    await base.aadd(files, extract=fail_on_bad)
    write(files[1], "bad")
    write(files[2], "better")
    report = await base.aadd(files, extract=fail_on_bad)
    assert (report.added, len(report.failed)) == (1, 1)
    assert {base.text(document.id) for document in base.documents()} == {"good 0", "good 1", "better"}
    assert consistent(base)


async def test_a_spent_budget_stops_the_addition(base: KnowledgeBase, tmp_path: Path) -> None:
    async def spent(chunk: Chunk) -> Extraction:
        raise BudgetExceeded("no calls left")

    with pytest.raises(BudgetExceeded):
        await base.aadd([write(tmp_path / "a.txt", "x")], extract=spent)
    assert base.documents() == []


async def test_attaching_makes_a_chunks_triples_exactly_these(base: KnowledgeBase, tmp_path: Path) -> None:
    await base.aadd([write(tmp_path / "a.txt", "Ada wrote notes.")], extract=says)
    chunk = base.triples()[0].chunk_id
    assert base.graph.chunks_of("Ada") == {chunk}
    count = await base.aattach({chunk: triples_of("Bo sails"), 999: triples_of("Nobody there")})
    assert count == 1
    assert [str(triple) for triple in base.triples()] == ["Bo — says → sails"]
    assert "Ada" not in base.graph


async def test_ready_made_triples_are_a_document_without_text(base: KnowledgeBase) -> None:
    drafts = [TripleDraft("Kismet", "directed by", "William Dieterle"), TripleDraft("Kismet", "year", "1944")]
    report = await base.aadd_triples(drafts, source="kb.tsv", title="Films")
    assert (report.added, report.triples) == (1, 2)
    triple = base.triples(entity="william dieterle")[0]
    (chunk,) = base.chunks([triple.chunk_id])
    assert (chunk.text, chunk.title, chunk.source) == (
        "Kismet directed by William Dieterle",
        "Films",
        "kb.tsv",
    )
    assert base.triples(chunks=[triple.chunk_id]) == [triple]
    assert (await base.aadd_triples(drafts, source="kb.tsv")).added == 1, "a new title is a new document"
    assert (await base.aadd_triples(drafts[:1], source="kb.tsv")).replaced == 1
    assert len(base.graph) == 2
    await base.aremove(["kb.tsv"])
    assert len(base.graph) == 0


# --- removing -----------------------------------------------------------------------------------------------


async def test_removing_reports_what_went_and_what_was_not_there(base: KnowledgeBase, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.txt", f"file {n}") for n in range(3)]
    await base.aadd(files)
    first = base.document(str(files[0]))
    report = await base.aremove([first.id[:8], str(files[1]), "nothing"])
    assert len(report.removed) == 2
    assert report.missing == ("nothing",)
    assert found(base, "file") == ["file 2"]
    assert consistent(base)
    with pytest.raises(InputError, match="no document"):
        base.document(first.id)


# --- opening ------------------------------------------------------------------------------------------------


def test_a_missing_base_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no knowledge base at .*x \(kedge add FILE makes one\)"):
        KnowledgeBase.open(tmp_path / "x", encoder=FakeEncoder())
    assert not (tmp_path / "x").exists()


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "photos" / "me.jpg", "x")
    with pytest.raises(StoreError, match="neither empty nor a knowledge base"):
        make(tmp_path / "photos")
    with pytest.raises(StoreError, match="is a file"):
        make(tmp_path / "photos" / "me.jpg")


def test_another_encoder_is_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path / "base").close()
    with pytest.raises(StoreError, match="made with the encoder fake-64-, not fake-64-other"):
        KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(salt="other"))


def test_a_newer_base_is_refused(tmp_path: Path) -> None:
    with make(tmp_path / "base") as base:
        base.store.set_meta("format", "999")
    with pytest.raises(StoreError, match="newer Kedge"):
        KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder())


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    write(tmp_path / "base" / "kedge.sqlite", "not a database at all" * 100)
    with pytest.raises(StoreError, match="not a database") as error:
        KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder())
    assert "\n" not in str(error.value)


async def test_two_bases_in_one_process_do_not_see_each_other(tmp_path: Path) -> None:
    with make(tmp_path / "a") as one, make(tmp_path / "b") as other:
        await one.aadd([write(tmp_path / "a.txt", "anchor")])
        await other.aadd([write(tmp_path / "b.txt", "sail")])
        assert found(one, "anchor sail") == await nearest(one, "sail") == ["anchor"]
        assert found(other, "anchor sail") == await nearest(other, "anchor") == ["sail"]


async def test_a_base_opened_again_in_the_same_process_is_the_same(tmp_path: Path) -> None:
    with make(tmp_path / "base") as base:
        await base.aadd([write(tmp_path / "a.txt", "anchor")], extract=says)
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder()) as base:
        assert found(base, "anchor") == await nearest(base, "anchor") == ["anchor"]
        assert base.embeddings([1]).shape == (1, 64)
        stats = base.stats()
    assert (stats.documents, stats.chunks, stats.encoder) == (1, 1, "fake-64-")
    assert stats.bytes > 10_000


# --- several at once ----------------------------------------------------------------------------------------

ADD_FROM_ANOTHER_PROCESS = """
import asyncio, sys
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Extraction, KnowledgeBase, TripleDraft
async def says(chunk):
    return Extraction((TripleDraft("Child", "says", chunk.text),))
async def main():
    async with KnowledgeBase.open(sys.argv[1], encoder=FakeEncoder()) as base:
        await base.aremove(["first"])
        await base.aadd([sys.argv[2]], extract=says)
asyncio.run(main())
"""


async def test_a_reader_sees_what_another_process_commits(base: KnowledgeBase, tmp_path: Path) -> None:
    await base.aadd([ParsedDocument("first", "first", "", "first anchor", "text", ())], extract=says)
    assert found(base, "anchor") == await nearest(base, "anchor") == ["first anchor"]
    assert "Child" not in base.graph
    file = write(tmp_path / "a.txt", "second anchor")
    command = [sys.executable, "-c", ADD_FROM_ANOTHER_PROCESS, str(base.path), str(file)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    assert found(base, "anchor") == await nearest(base, "anchor") == ["second anchor"]
    assert "Child" in base.graph
    await base.aadd([write(tmp_path / "b.txt", "third sail")])
    assert consistent(base)


class Slow(FakeEncoder):
    """An encoder that waits until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        self.begun.set()
        await self.go.wait()
        return await super().encode(texts)


async def test_a_second_writer_waits_then_says_who_writes(tmp_path: Path) -> None:
    path, file = tmp_path / "base", write(tmp_path / "a.txt", "anchor")
    make(path).close()
    slow, told = Slow(), []
    with (
        KnowledgeBase.open(path, encoder=slow) as one,
        KnowledgeBase.open(path, encoder=FakeEncoder(), wait=0.2, on_wait=told.append) as other,
    ):
        adding = asyncio.create_task(one.aadd([file]))
        await slow.begun.wait()
        with pytest.raises(StoreError, match=f"written by process {os.getpid()}"):
            await other.aadd([file])
        assert told == [f"process {os.getpid()}"]
        assert other.documents() == []
        slow.go.set()
        assert (await adding).added == 1
        assert (await other.aadd([file])).unchanged == 1


async def test_a_cancelled_addition_keeps_what_is_stored_and_continues_next_time(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", "".join(f'{{"text": "row {n}"}}\n' for n in range(1_200)))
    with make(tmp_path / "base") as base:
        stored = asyncio.Event()
        adding = asyncio.create_task(base.aadd([file], on_progress=lambda _: stored.set()))
        await stored.wait()
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        count = len(base.documents())
        assert 0 < count < 1_200
        report = await base.aadd([file])
        assert (report.unchanged, report.added) == (count, 1_200 - count)
        assert consistent(base)


async def test_whether_a_kind_is_held_is_looked_up_and_not_counted(tmp_path: Path) -> None:
    with make(tmp_path) as base:
        await base.aadd([write(tmp_path / "in" / "a.txt", "The tide.")])
        with closing(sqlite3.connect(tmp_path / FILE)) as connection:
            connection.execute("DROP INDEX ix_documents_kind")  # as in bases made before there was one
    with make(tmp_path) as base:
        assert base.holds("text")
        assert not base.holds("pdf")
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        [plan] = connection.execute("EXPLAIN QUERY PLAN SELECT 1 FROM documents WHERE kind = 'pdf'")
    assert "ix_documents_kind" in plan[-1]
