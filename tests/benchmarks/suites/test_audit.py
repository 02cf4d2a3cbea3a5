"""`kedge bench crumq audit`: every kind of data set, whatever it says of the documents that it needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kedge._cli import app

FILMS = ("Lantern Hill", "Ferry Night", "Harbour Song", "Copper Bell", "Grey Heron", "Salt Quay")
PEOPLE = ("Ada Quill", "Bo Marrick", "Cyrus Dask", "Delia Thorne", "Edgar Loam", "Fanny Pell")
TEXTS = {film: f"{film} is a film directed by {person}." for film, person in zip(FILMS, PEOPLE, strict=True)}
TEXTS |= {person: f"{person} was born in {1890 + n}." for n, person in enumerate(PEOPLE)}
ASKED = [f"In which year was the director of {film} born?" for film in FILMS]
YEARS = [str(1890 + n) for n in range(len(FILMS))]
PAIRS = list(zip(FILMS, PEOPLE, strict=True))


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)))


def hotpot(data: Path) -> None:
    home = data / "multihop_qa" / "hotpot500"
    lines(home / "corpus.jsonl", [{"title": title, "text": text} for title, text in TEXTS.items()])
    given = zip(ASKED, YEARS, PAIRS, strict=True)
    lines(
        home / "questions.jsonl",
        [
            {"id": q, "question": q, "answer": a, "type": "bridge", "gold_titles": gold}
            for q, a, gold in given
        ],
    )


def lihua(data: Path) -> None:
    """One of the documents is spelled wrongly, and one question cannot be answered."""
    home = data / "unanswerable" / "lihua"
    lines(home / "docs.jsonl", [{"doc_id": title, "text": text} for title, text in TEXTS.items()])
    made = [
        {"id": q, "question": q, "answer": a, "answerable": True, "type": "Single", "evidence_doc_ids": gold}
        for q, a, gold in zip(ASKED, YEARS, PAIRS, strict=True)
    ]
    made[0] |= {"evidence_doc_ids": ["Lantern Hll"]}
    gone = {"id": "gone", "question": "Why?", "answer": "", "answerable": False, "type": "Null"}
    lines(home / "questions.jsonl", [*made, {**gone, "evidence_doc_ids": []}])


def multihop_rag(data: Path) -> None:
    home = data / "multihop_rag"
    home.mkdir(parents=True)
    news = [{"title": title, "body": text} for title, text in TEXTS.items()]
    made = [
        {"query": q, "answer": a, "question_type": "bridge", "evidence_list": [{"title": t} for t in gold]}
        for q, a, gold in zip(ASKED, YEARS, PAIRS, strict=True)
    ]
    (home / "corpus.json").write_text(json.dumps(news))
    (home / "MultiHopRAG.json").write_text(json.dumps(made))


def mtrag_un(data: Path) -> None:
    made = [
        {
            "task_id": q,
            "input": [{"text": "Hello."}, {"text": q}],
            "answerability": ["ANSWERABLE"],
            "targets": [{"text": a}],
            "contexts": [{"document_id": title, "title": title, "text": TEXTS[title]} for title in gold],
        }
        for q, a, gold in zip(ASKED, YEARS, PAIRS, strict=True)
    ]
    lines(data / "unanswerable" / "mtrag_un.jsonl", made)


def squad(data: Path) -> None:
    paragraphs = [
        {"context": TEXTS[person], "qas": [{"id": q, "question": q, "answers": [{"text": a}]}]}
        for q, a, (_, person) in zip(ASKED, YEARS, PAIRS, strict=True)
    ]
    home = data / "extractive_qa"
    home.mkdir(parents=True)
    whole = {"data": [{"title": "Films", "paragraphs": paragraphs}]}
    (home / "squad2_25articles.json").write_text(json.dumps(whole))


def audit(run: Path, *arguments: object, code: int = 0) -> dict[str, Any]:
    line = ["bench", "crumq", "audit", *arguments, "--method", "retrieve_read", "--output", run]
    done = CliRunner().invoke(app, list(map(str, line)))
    assert done.exit_code == code, done.output + done.stderr
    if code:
        return {"told": done.stderr}
    assert (run / "audit.md").read_text().strip() in done.output
    found: dict[str, Any] = json.loads((run / "audit.json").read_text())
    return found


@pytest.mark.parametrize(
    ("name", "make", "named", "probed"),
    [
        ("hotpot500", hotpot, 6, 6),
        ("lihua", lihua, 5, 5),
        ("multihop_rag", multihop_rag, 6, 6),
        ("mtrag_un", mtrag_un, 6, 6),
        ("squad2", squad, 6, 0),
    ],
)
def test_every_set_is_audited(
    name: str, make: Callable[[Path], None], named: int, probed: int, tmp_path: Path
) -> None:
    make(tmp_path / "data")
    options = ("--data", tmp_path / "data", "--cache", tmp_path / "cache")
    found = audit(tmp_path / "run", name, *options)
    assert (found["answerable"], found["audited"], found["named"]) == (6, 6, named)
    assert (found["cheats"]["original"]["n"] if found["cheats"] else 0) == probed
    assert [short["name"] for short in found["shortcuts"]] == [
        "question only", "evidence without question", "answer type", "single document"
    ]  # fmt: skip
    if probed:
        rows = (tmp_path / "run" / "probe-retrieve_read.jsonl").read_text().splitlines()
        assert len(rows) == 3 * probed
    few = audit(tmp_path / "few", name, *options, "--sample", 3, "--seed", 1)
    assert (few["answerable"], few["audited"]) == (6, 3)


def test_documents_may_be_files_and_are_all_put_back(tmp_path: Path) -> None:
    """The example world names its documents by their files; the base that they are taken from is a copy."""
    options = ("--cache", tmp_path / "cache", "--sample", 4)
    found = audit(tmp_path / "run", "world-demo", *options)
    assert (found["answerable"], found["audited"], found["named"]) == (9, 4, 4)
    assert found["cheats"]["original"]["n"] >= 1
    supports = [
        json.loads(line)["support"]
        for line in (tmp_path / "run" / "probe-retrieve_read.jsonl").read_text().splitlines()
    ]
    assert any(name.endswith(".md") for names in supports for name in names)


def test_where_documents_are_not_named_a_search_stands_in(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for title, text in TEXTS.items():
        (notes / f"{title}.txt").write_text(text)
    lines(tmp_path / "mine.jsonl", [{"question": q, "answer": a} for q, a in zip(ASKED, YEARS, strict=True)])
    own = ("--questions", tmp_path / "mine.jsonl", "--corpus", notes, "--cache", tmp_path / "cache")
    found = audit(tmp_path / "run", *own)
    assert (found["audited"], found["named"], found["cheats"]) == (6, 0, None)
    assert len(found["shortcuts"]) == 4
    lines(tmp_path / "none.jsonl", [{"question": q} for q in ASKED])
    own = ("--questions", tmp_path / "none.jsonl", "--corpus", notes, "--cache", tmp_path / "cache")
    assert "nothing in none can be answered" in audit(tmp_path / "x", *own, code=1)["told"]
    assert "no data is named" in audit(tmp_path / "x", code=1)["told"]
    assert "DATA.md" in audit(tmp_path / "x", "2wiki", "--data", tmp_path, code=1)["told"]
    assert "a sample of 0" in audit(tmp_path / "x", *own[:1], tmp_path / "mine.jsonl", *own[2:],
                                    "--sample", 0, code=1)["told"]  # fmt: skip
