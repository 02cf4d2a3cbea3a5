from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools import search
from kedge.tools.encoders import RemoteEncoder
from kedge.tools.knowledge_base import (
    Block,
    Chunk,
    Evidence,
    Extraction,
    KnowledgeBase,
    ParsedDocument,
    TripleDraft,
)

Search = Callable[[KnowledgeBase, str, int], Awaitable[list[Evidence]]]
SEARCHES = ("bm25", "dense", "hybrid", "late_interaction", "ppr")
DOCUMENTS = {
    "Lighthouse": "The lighthouse at Skerry was designed by Ada Holm.",
    "Ada Holm": "Ada Holm was born in the town of Varde.",
    "Varde": "Varde is known for its herring market.",
    "Bread": "Bread is baked from flour, water and salt.",
    "Ferry": "The ferry crosses the sound twice a day.",
}
NAMES = {
    "Lighthouse": (TripleDraft("Skerry lighthouse", "designed by", "Ada Holm"),),
    "Ada Holm": (TripleDraft("Ada Holm", "born in", "Varde"),),
    "Varde": (TripleDraft("Varde", "known for", "herring market"),),
}


def parsed(title: str, text: str) -> ParsedDocument:
    return ParsedDocument(title, title, title, text, "text", (Block("paragraph", 0, len(text)),))


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        yield base


@pytest.fixture
async def base(empty: KnowledgeBase) -> KnowledgeBase:
    async def extract(chunk: Chunk) -> Extraction:
        return Extraction(NAMES.get(chunk.title, ()))

    await empty.aadd([parsed(title, text) for title, text in DOCUMENTS.items()], extract=extract)
    return empty


@pytest.fixture(params=SEARCHES)
def find(request: pytest.FixtureRequest) -> Search:
    found: Search = getattr(search, request.param)
    return found


def titles(found: list[Evidence]) -> list[str]:
    return [evidence.chunk.title for evidence in found]


async def test_the_best_comes_first(base: KnowledgeBase, find: Search) -> None:
    found = await find(base, "bread baked from flour", 3)
    assert titles(found)[0] == "Bread"
    assert len(found) <= 3
    scores = [evidence.score for evidence in found]
    assert scores == sorted(scores, reverse=True)
    assert all(evidence.reason for evidence in found)


async def test_the_same_query_finds_the_same(base: KnowledgeBase, find: Search) -> None:
    assert await find(base, "the ferry and the market", 4) == await find(base, "the ferry and the market", 4)


async def test_an_empty_base_has_nothing(empty: KnowledgeBase, find: Search) -> None:
    assert await find(empty, "anything", 5) == []


@pytest.mark.parametrize("k", [0, -1])
async def test_k_must_be_positive(base: KnowledgeBase, find: Search, k: int) -> None:
    with pytest.raises(InputError, match="k must be at least 1"):
        await find(base, "anything", k)


@pytest.mark.parametrize(
    "query",
    ['title:bread AND ("', "-bread +flour^2 [a TO z]", "", " ", "?!", "\x00\x07", "錨", "bread " * 20_000],
)
async def test_a_query_is_text_and_nothing_else(base: KnowledgeBase, find: Search, query: str) -> None:
    found = await find(base, query, 3)
    if "bread" in query and find is not search.ppr:
        assert "Bread" in titles(found)


async def test_what_is_removed_is_not_found(base: KnowledgeBase, find: Search) -> None:
    await base.aremove(["Bread"])
    assert "Bread" not in titles(await find(base, "bread baked from flour", 5))


async def test_k_may_exceed_the_base(base: KnowledgeBase) -> None:
    assert len(await search.dense(base, "ferry", 100)) == len(DOCUMENTS)


async def test_the_graph_leads_where_words_do_not(base: KnowledgeBase) -> None:
    """The herring market is two triples away from what the question names."""
    found = titles(await search.ppr(base, "Whence came the designer of Skerry lighthouse?", 5))
    assert {"Lighthouse", "Ada Holm"} == set(found[:2])
    assert found.index("Varde") < found.index("Bread")


async def test_the_graph_is_compiled_anew_when_it_has_changed(base: KnowledgeBase) -> None:
    before = {e.chunk.title: e.score for e in await search.ppr(base, "Skerry lighthouse", 5)}
    await base.aremove(["Ada Holm"])
    after = {e.chunk.title: e.score for e in await search.ppr(base, "Skerry lighthouse", 5)}
    assert "Ada Holm" in before
    assert "Ada Holm" not in after
    assert after["Lighthouse"] > before["Lighthouse"]


async def test_late_interaction_needs_token_vectors(base: KnowledgeBase) -> None:
    base.encoder = RemoteEncoder("http://127.0.0.1:1/v1", "tiny", 64)
    with pytest.raises(InputError, match="gives no token vectors"):
        await search.late_interaction(base, "anything", 5)


def test_fusion_rewards_agreement() -> None:
    fused = search.reciprocal_rank_fusion([[1, 2, 3], [3, 4], [3, 1]])
    assert [item for item, _ in fused] == [3, 1, 2, 4]
    assert dict(fused)[3] == pytest.approx(1 / 63 + 1 / 61 + 1 / 61)


def test_fusion_breaks_ties_by_id() -> None:
    assert [item for item, _ in search.reciprocal_rank_fusion([[9], [4], [7]])] == [4, 7, 9]


def test_maxsim_is_the_mean_of_the_best() -> None:
    query = np.array([[1, 0], [0, 1]], np.float32)
    passage = np.array([[0.6, 0.8], [1, 0]], np.float32)
    assert search.maxsim(query, passage) == pytest.approx(0.9)
    assert search.maxsim(query[:0], passage) == search.maxsim(query, passage[:0]) == 0


async def test_a_retriever_gives_documents_both_ways(base: KnowledgeBase) -> None:
    retriever = search.retriever(base, how="bm25", k=2)
    documents = await retriever.ainvoke("bread from flour")
    assert documents == retriever.invoke("bread from flour")
    [chunk] = base.chunks([documents[0].metadata["chunk_id"]])
    assert documents[0].page_content == chunk.text
    assert documents[0].metadata == {
        "chunk_id": chunk.id,
        "document_id": chunk.document_id,
        "source": "Bread",
        "title": "Bread",
        "page": None,
        "start": chunk.start,
        "end": chunk.end,
        "score": documents[0].metadata["score"],
    }


def test_a_retriever_is_checked_when_it_is_made(empty: KnowledgeBase) -> None:
    with pytest.raises(InputError, match=r"no search called 'magic' \(use one of bm25"):
        search.retriever(empty, how="magic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="k must be at least 1"):
        search.retriever(empty, k=0)


def test_the_doors_import_nothing_heavy() -> None:
    script = (
        "import sys, kedge.tools.search, kedge.tools.encoders\n"
        "print(sorted({'numpy', 'scipy', 'onnxruntime', 'langchain_core', 'httpx'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
