from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.suites import multihop
from kedge.benchmarks.suites._multihop_sets import SETS, cases, in_calibration, is_present, opened, ranked
from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.walks import passage_walk

CORPUS = {
    "Skerry Light": "Skerry Light is a lighthouse. Its designer was Ada Holm, a keen sailor.",
    "Ada Holm": "Ada Holm grew up in Varde and went to sea.",
    "Varde": "Varde lies on a river.",
    "Ferry": "The ferry was designed for the island.",
}
QUESTIONS = [
    {
        "id": f"q{number}",
        "question": "Where did the designer of Skerry Light grow up?",
        "answer": "Varde",
        "hop_type": "bridge",
        "gold_support_chunk_ids": ["c0", "c1"],
    }
    for number in range(4)
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "multihop_qa" / "2wiki500"
    folder.mkdir(parents=True)
    corpus = [
        {"chunk_id": f"c{number}", "source_title": title, "text": text}
        for number, (title, text) in enumerate(CORPUS.items())
    ]
    for name, rows in (("corpus", corpus), ("questions", QUESTIONS)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "data"


async def test_a_base_is_built_once_and_gold_labels_fit_what_is_found(data: Path, tmp_path: Path) -> None:
    chosen, cache = SETS["2wiki500"], tmp_path / "cache"
    async with await opened(chosen, data, cache, FakeEncoder()) as base:
        assert len(base.documents()) == len(CORPUS)
        assert "ada holm" in base.graph
        asked = cases(chosen, data)
        found = ranked(base, await passage_walk(base, asked[0].question.question, 4))
        assert asked[0].gold < set(found)
    before = (cache / "2wiki500-own.done").stat().st_mtime_ns
    async with await opened(chosen, data, cache, FakeEncoder()) as base:
        assert len(base.documents()) == len(CORPUS)
    assert (cache / "2wiki500-own.done").stat().st_mtime_ns == before


async def test_the_run_measures_every_method_on_every_question(data: Path, tmp_path: Path) -> None:
    methods = [*multihop.METHODS]
    rows = await multihop.run(
        data, tmp_path / "cache", ["2wiki500"], methods, encoder=FakeEncoder(), console=Console(quiet=True)
    )
    assert {row.method for row in rows} == set(methods)
    assert rows[0].method == multihop.OPEN_LOOP
    assert rows[0].p is None
    closed = next(row for row in rows if row.method == multihop.CLOSED_LOOP)
    assert closed.recall[-1].mean == 100.0
    assert closed.recall[0].n == len(QUESTIONS)
    assert closed.p is not None
    assert closed.median_ms <= closed.p99_ms
    lines = multihop.markdown(rows).splitlines()
    assert len(lines) == len(rows) + 2
    assert all(line.count("|") == lines[0].count("|") for line in lines)


def test_missing_data_and_wrong_labels_are_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no musique100"):
        is_present(data, ["musique100"])
    corpus = data / "multihop_qa" / "2wiki500" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"c1"', '"c9"'))
    with pytest.raises(InputError, match="no passage 'c1'"):
        cases(SETS["2wiki500"], data)


def test_the_halves_are_fixed_and_about_equal() -> None:
    halves = [in_calibration(Question(f"question {n}", "?", ())) for n in range(400)]
    assert 160 < sum(halves) < 240
    assert halves == [in_calibration(Question(f"question {n}", "?", ())) for n in range(400)]
