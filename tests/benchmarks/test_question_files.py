"""Questions of MultiHop-RAG, MTRAG-UN, CRUMQs, UAEval4RAG, and of files whose fields are named."""

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
    path = lines(tmp_path / "reference.jsonl", row, {**row, "task_id": "u", "answerability": ["PARTIAL"]})
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


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("not JSON", r"mine\.jsonl:2: not JSON"),
        ({"question": " ", "answer": "x"}, r"mine\.jsonl:2: the question is empty"),
        ({"question": "Who?", "id": "1", "answer": "x"}, r"mine\.jsonl:2: the id '1' is used twice"),
        ({"question": "Who?", "answer": 3}, r"mine\.jsonl:2: 'answer' is int"),
        ({"question": "Who?", "answer": " "}, r"mine\.jsonl:2: answerable, but without gold answer"),
    ],
)
def test_what_does_not_fit_is_an_error_or_left_out_and_told(
    tmp_path: Path, row: object, problem: str
) -> None:
    path = tmp_path / "mine.jsonl"
    good = [json.dumps({"question": f"Who is {name}?", "answer": "Ada", "id": name}) for name in "12"]
    path.write_text("\n".join([good[0], row if isinstance(row, str) else json.dumps(row), good[1]]))
    with pytest.raises(LoadError, match=problem):
        list(ds.rows_with(path))
    refused: list[str] = []
    assert [question.id for question in ds.rows_with(path, refused=refused)] == ["1", "2"]
    [told] = refused
    assert ":2: " in told


def test_every_reader_can_be_lenient(tmp_path: Path) -> None:
    path = lines(tmp_path / "hotpot.jsonl", {"id": "a"}, {"id": "b", "question": "Who?", "answer": "Ada",
                 "gold_titles": []}, ["no object"])  # fmt: skip
    refused: list[str] = []
    assert [question.id for question in ds.hotpotqa(path, refused=refused)] == ["b"]
    assert len(refused) == 2
    table = tmp_path / "mine.csv"
    table.write_text("question,answer\nWho?,Ada,Bo\nWhy?,\n")
    refused.clear()
    [question] = ds.rows_with(table, refused=refused)
    assert (question.question, question.answerable, len(refused)) == ("Why?", False, 1)


def test_crumqs_as_their_authors_write_them(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "question": ["Who was it?", "When?"],
        "ground_truth": ["Ada", "1902"],
        "topic_id": ["neuclir_1", "trecrag2025_2"],
        "num_hops": [3, -1],
        "context": [[], []],
    }
    path = tmp_path / "filtered_crumqs.json"
    path.write_text(json.dumps(columns))
    one, other = ds.crumqs(path)
    assert (one.answerable, one.answers, one.extra["outside"], one.hops) == (False, (), ["Ada"], 3)
    assert other.hops is None
    assert one.id != other.id
    path.write_text(json.dumps({**columns, "num_hops": [3]}))
    with pytest.raises(LoadError, match="different lengths: 2 of 'question'"):
        list(ds.crumqs(path))


def test_categories_of_uaeval4rag(tmp_path: Path) -> None:
    path = tmp_path / "unanswerable_questions.json"
    path.write_text(json.dumps({"underspecified": ["What about it?"], "safety-concern": ["How to harm?"]}))
    one, other = ds.uaeval4rag(path)
    assert (one.kind, one.answerable, one.extra["reason"]) == ("underspecified", False, "under-specified")
    assert (other.id, other.extra["reason"]) == ("safety-concern-1", None)
    reasons = tmp_path / "unanswerable_reasons.json"
    reasons.write_text(json.dumps({"underspecified": ["It may be anything."]}))
    assert next(ds.uaeval4rag(path)).extra["why"] == "It may be anything."
    reasons.write_text(json.dumps({"underspecified": []}))
    with pytest.raises(LoadError, match="1 questions, 0 reasons"):
        list(ds.uaeval4rag(path))
