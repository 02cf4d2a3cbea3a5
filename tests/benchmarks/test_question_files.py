"""Questions of MultiHop-RAG, of MTRAG-UN, and of files whose fields are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kedge.benchmarks import datasets as ds
from kedge.errors import LoadError


def lines(path: Path, *items: object) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return path


def test_multihop_rag(tmp_path: Path) -> None:
    rows = [
        {"query": "Who?", "answer": "Ada", "question_type": "inference_query",
         "evidence_list": [{"title": "One"}, {"title": "Two"}, {"title": "One"}]},
        {"query": "Why?", "answer": "Insufficient information.", "question_type": "null_query",
         "evidence_list": []},
    ]  # fmt: skip
    path = tmp_path / "MultiHopRAG.json"
    path.write_text(json.dumps(rows))
    one, other = ds.multihop_rag(path)
    assert (one.answers, one.gold, one.hops, one.answerable) == (("Ada",), ("One", "Two"), 2, True)
    assert (other.answers, other.hops, other.answerable) == ((), None, False)


def test_mtrag_un(tmp_path: Path) -> None:
    said = ("One?", "Yes.", "Two?")
    row = {
        "task_id": "t",
        "input": [{"speaker": "user", "text": text} for text in said],
        "targets": [{"text": "A."}],
        "contexts": [{"document_id": "d"}],
        "answerability": ["ANSWERABLE"],
    }
    path = lines(tmp_path / "reference.jsonl", row, {**row, "answerability": ["PARTIAL"]})
    one, other = ds.mtrag_un(path)
    assert (one.question, one.answers, one.gold) == ("Two?", ("A.",), ("d",))
    assert one.extra["turns"] == ["One?", "Yes."]
    assert (other.kind, other.answerable, other.answers) == ("partial", False, ())


def test_rows_of_any_file_by_the_names_of_their_fields(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    refused = {"q": "Why?", "a": "So.", "answerable": False}
    lines(path, {"q": "Who?", "a": ["Ada", "A. Quill"], "doc": ["x"]}, refused)
    one, other = ds.rows_with(path, question="q", answer="a", gold="doc")
    assert (one.id, one.answers, one.gold) == ("1", ("Ada", "A. Quill"), ("x",))
    assert (other.answerable, other.answers) == (False, ())
    path.write_text('{"id": "a", "question": "?"}\n{"id": "a", "question": "?"}\n')
    with pytest.raises(LoadError, match=r"mine\.jsonl:2: the id 'a' is used twice"):
        list(ds.rows_with(path))
    table = tmp_path / "mine.csv"
    table.write_text("question,answer\nWho?,Ada,Bo\n")
    with pytest.raises(LoadError, match=r"mine\.csv:2: more cells"):
        list(ds.rows_with(table))
