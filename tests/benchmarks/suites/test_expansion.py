"""The suite for document expansion measures both indexes, and leaves the base as it was."""

from __future__ import annotations

from pathlib import Path

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.suites._multihop_sets import Case, ranked
from kedge.benchmarks.suites.expansion import markdown, measure
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, KnowledgeBase, ParsedDocument
from kedge.tools.search import bm25

TEXTS = {"Ada Lovell": "Ada Lovell was born in Saltmarsh.", "Pier": "The pier burnt in 1902."}


async def test_both_indexes_are_asked(tmp_path: Path) -> None:
    documents = [
        ParsedDocument(title, title, title, text, "text", (Block("paragraph", 0, len(text)),))
        for title, text in TEXTS.items()
    ]
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd(documents)
        gold = frozenset(ranked(base, await bm25(base, "Lovell", 1)))
        own = base.full_text
        case = Case(Question("1", "What place of birth?", ("Saltmarsh",)), gold)
        rows = await measure("tiny", base, [case], tmp_path)
        assert base.full_text is own
    by_search = {row.search: row for row in rows}
    assert by_search["BM25"].plain.mean == 0.0
    assert by_search["BM25"].expanded.mean == 100.0
    assert markdown(rows).count("\n") == 2 + len(rows)
