"""What every backend of a knowledge base must do: a new one is added to the lists and must pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from kedge.tools.encoders import FloatArray
from kedge.tools.knowledge_base import Chunk, ParsedDocument
from kedge.tools.knowledge_base.full_text import FullText
from kedge.tools.knowledge_base.rows import Change, NewDocument, Origin
from kedge.tools.knowledge_base.store import Store
from kedge.tools.knowledge_base.vectors import Vectors

VECTORS: dict[str, Callable[[Path], Vectors]] = {"chroma": Vectors}
FULL_TEXTS: dict[str, Callable[[Path], FullText]] = {"tantivy": FullText}
STORES: dict[str, Callable[[Path], Store]] = {"sqlite": lambda path: Store(path / "a.sqlite", create=True)}


def unit(*numbers: float) -> FloatArray:
    vector = np.array(numbers, dtype=np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def rows(*vectors: FloatArray) -> FloatArray:
    return np.stack(vectors)


def chunk(number: int, text: str, title: str = "", document: str = "d") -> Chunk:
    return Chunk(number, document, "notes.txt", title, "", text, 0, len(text))


# --- vectors ------------------------------------------------------------------------------------------------


@pytest.fixture(params=VECTORS)
def vectors(request: pytest.FixtureRequest) -> Callable[[Path], Vectors]:
    return VECTORS[request.param]


def test_vectors_come_nearest_first_with_their_cosine(
    vectors: Callable[[Path], Vectors], tmp_path: Path
) -> None:
    with vectors(tmp_path) as index:
        index.add([1, 2, 3], rows(unit(1, 0), unit(1, 1), unit(0, 1)))
        found = index.query(unit(1, 0), 3)
    assert [number for number, _ in found] == [1, 2, 3]
    assert [score for _, score in found] == pytest.approx([1.0, 0.5**0.5, 0.0], abs=1e-5)


def test_an_empty_vector_index_finds_nothing(vectors: Callable[[Path], Vectors], tmp_path: Path) -> None:
    with vectors(tmp_path) as index:
        assert index.query(unit(1, 0), 5) == []
        assert len(index) == 0
        assert index.ids() == set()


def test_removed_vectors_are_never_found_again(vectors: Callable[[Path], Vectors], tmp_path: Path) -> None:
    with vectors(tmp_path) as index:
        index.add([1, 2], rows(unit(1, 0), unit(0, 1)))
        index.remove([1, 99])
        assert [number for number, _ in index.query(unit(1, 0), 5)] == [2]
        assert len(index) == 1
        assert index.ids() == {2}


def test_vectors_stay_when_the_index_is_opened_again(
    vectors: Callable[[Path], Vectors], tmp_path: Path
) -> None:
    with vectors(tmp_path) as index:
        index.add([5], rows(unit(1, 2)))
    for _ in range(2):
        with vectors(tmp_path) as index:
            assert index.query(unit(1, 2), 1) == [(5, pytest.approx(1.0))]
            index.add([6], rows(unit(-1, 2))) if 6 not in index.ids() else None


def test_two_vector_indexes_do_not_see_each_other(vectors: Callable[[Path], Vectors], tmp_path: Path) -> None:
    with vectors(tmp_path / "a") as one, vectors(tmp_path / "b") as other:
        one.add([1], rows(unit(1, 0)))
        other.add([2], rows(unit(1, 0)))
        assert one.ids() == {1}
        assert [number for number, _ in other.query(unit(1, 0), 9)] == [2]


def test_rebuilding_replaces_all_vectors(vectors: Callable[[Path], Vectors], tmp_path: Path) -> None:
    with vectors(tmp_path) as index:
        index.add([1], rows(unit(1, 0)))
        index.rebuild([([2, 3], rows(unit(1, 0), unit(0, 1))), ([4], rows(unit(1, 1)))])
        assert index.ids() == {2, 3, 4}
        assert index.query(unit(0, 1), 1)[0][0] == 3


def test_many_vectors_are_found_as_by_an_exact_search(
    vectors: Callable[[Path], Vectors], tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    matrix = np.stack([unit(*generator.standard_normal(16)) for _ in range(500)])
    with vectors(tmp_path) as index:
        index.add(range(1, 501), matrix)
        index.remove(range(1, 101))
        hits = 0
        for row in matrix[100:150]:
            exact = 101 + np.argsort(-(matrix[100:] @ row))[:10]
            hits += len(set(exact.tolist()) & {number for number, _ in index.query(row, 10)})
    assert hits >= 490


WRITE_VECTORS = """
import sys, numpy as np
from pathlib import Path
from kedge.tools.knowledge_base.vectors import Vectors
with Vectors(Path(sys.argv[1])) as index:
    index.remove([1])
    index.add([7], np.array([[1.0, 0.0]], dtype=np.float32))
"""


def test_vectors_written_by_another_process_are_seen(
    vectors: Callable[[Path], Vectors], tmp_path: Path
) -> None:
    with vectors(tmp_path) as index:
        index.add([1, 2], rows(unit(1, 0), unit(0, 1)))
        assert index.query(unit(1, 0), 1)[0][0] == 1
        subprocess.run([sys.executable, "-c", WRITE_VECTORS, str(tmp_path)], check=True)
        assert index.query(unit(1, 0), 1)[0][0] == 7
        index.add([8], rows(unit(1, 0.1)))
        assert index.ids() == {2, 7, 8}


# --- full text ----------------------------------------------------------------------------------------------


@pytest.fixture(params=FULL_TEXTS)
def full_text(request: pytest.FixtureRequest) -> Callable[[Path], FullText]:
    return FULL_TEXTS[request.param]


def test_words_find_chunks_best_first(full_text: Callable[[Path], FullText], tmp_path: Path) -> None:
    index = full_text(tmp_path)
    index.add([chunk(1, "A kedge is an anchor."), chunk(2, "An anchor."), chunk(3, "A sail.")])
    assert [number for number, _ in index.search("kedge anchors", 5)] == [1, 2]
    assert [number for number, _ in index.search("kedge anchors", 1)] == [1]


def test_titles_are_searched_too(full_text: Callable[[Path], FullText], tmp_path: Path) -> None:
    index = full_text(tmp_path)
    index.add([chunk(1, "It opened in 1903.", title="Harbour Museum"), chunk(2, "It opened in 1904.")])
    assert index.search("museum opened", 5)[0][0] == 1


@pytest.mark.parametrize("text", ["", "   ", "?!", "\x00\x01", "zzzunknown", "AND OR NOT", '"', "a:b^", "(*"])
def test_any_text_is_only_words(full_text: Callable[[Path], FullText], tmp_path: Path, text: str) -> None:
    index = full_text(tmp_path)
    index.add([chunk(1, "kedge")])
    assert index.search(text, 5) == []


def test_removed_chunks_are_never_found_again(full_text: Callable[[Path], FullText], tmp_path: Path) -> None:
    index = full_text(tmp_path)
    index.add([chunk(number, "anchor") for number in range(1, 6)])
    index.remove([2, 4, 99])
    assert {number for number, _ in index.search("anchor", 9)} == {1, 3, 5}
    assert len(index) == 3
    assert index.ids() == {1, 3, 5}


def test_rebuilding_replaces_all_text(full_text: Callable[[Path], FullText], tmp_path: Path) -> None:
    index = full_text(tmp_path)
    index.add([chunk(1, "anchor")])
    index.rebuild([([chunk(2, "sail")], {}), ([chunk(3, "sail")], {})])
    assert index.search("anchor", 5) == []
    assert len(index.search("sail", 5)) == 2


WRITE_TEXT = """
import sys
from pathlib import Path
from kedge.tools.knowledge_base import Chunk
from kedge.tools.knowledge_base.full_text import FullText
index = FullText(Path(sys.argv[1]))
index.remove([1])
index.add([Chunk(7, "d", "s", "", "", "anchor", 0, 6)])
"""


def test_text_written_by_another_process_is_seen(
    full_text: Callable[[Path], FullText], tmp_path: Path
) -> None:
    index = full_text(tmp_path)
    index.add([chunk(1, "anchor")])
    assert index.search("anchor", 5)[0][0] == 1
    subprocess.run([sys.executable, "-c", WRITE_TEXT, str(tmp_path)], check=True)
    assert [number for number, _ in index.search("anchor", 5)] == [7]


# --- store --------------------------------------------------------------------------------------------------


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = STORES[request.param](tmp_path)
    yield store
    store.close()


def new(name: str, store: Store, *texts: str) -> NewDocument:
    text = "".join(texts)
    first = store.reserve(len(texts)) if texts else 0
    starts = [sum(map(len, texts[:i])) for i in range(len(texts))]
    chunks = tuple(
        Chunk(first + i, name, f"{name}.txt", name, "", part, start, start + len(part))
        for i, (part, start) in enumerate(zip(texts, starts, strict=True))
    )
    parsed = ParsedDocument(f"{name}.txt", f"{name}.txt", name, text, "text", (), metadata={"by": "us"})
    return NewDocument(name, parsed, chunks, np.ones((len(texts), 2), np.float32))


def hold(document: NewDocument) -> Origin:
    return Origin(document.parsed.container, document.parsed.source, document.id)


def put(store: Store, *documents: NewDocument) -> None:
    firsts = [document.chunks[0].id for document in documents if document.chunks]
    store.write(Change(documents, [hold(document) for document in documents], journal=firsts))


def test_a_stored_document_comes_back_whole(store: Store) -> None:
    document = new("a", store, "One. ", "Two.")
    put(store, document)
    (found,) = store.documents()
    assert (found.id, found.characters, found.chunks, found.metadata) == ("a", 9, 2, {"by": "us"})
    assert store.text("a") == "One. Two."
    assert store.chunks_of("a") == list(document.chunks)
    assert store.journal() == []


def test_chunks_come_in_the_order_asked_without_those_that_are_gone(store: Store) -> None:
    first, second = new("a", store, "x"), new("b", store, "y")
    put(store, first, second)
    a, b = first.chunks[0].id, second.chunks[0].id
    assert [found.id for found in store.chunks([b, 999, a])] == [b, a]


def test_removing_takes_everything_and_no_number_is_used_twice(store: Store) -> None:
    document = new("a", store, "x", "y")
    put(store, document)
    delta = store.write(Change(release=[hold(document)]))
    assert delta.removed_documents == ("a",)
    assert delta.removed_chunks == tuple(chunk.id for chunk in document.chunks)
    assert store.counts() == dict.fromkeys(("documents", "chunks", "triples", "entities", "images"), 0)
    assert [list(numbers) for numbers in store.journal()] == [list(delta.removed_chunks)]
    store.settle(delta.journal)
    assert store.journal() == []
    assert store.reserve(1) > document.chunks[-1].id


def test_a_failed_change_changes_nothing(store: Store) -> None:
    put(store, new("a", store, "x"))
    before = store.revision()
    with pytest.raises(Exception, match=r"(?i)unique"):
        put(store, new("b", store, "y"), new("a", store, "z"))
    assert [document.id for document in store.documents()] == ["a"]
    assert store.revision() == before


def test_the_revision_grows_with_each_change(store: Store) -> None:
    before = store.revision()
    put(store, new("a", store, "x"))
    assert store.revision() == before + 1
