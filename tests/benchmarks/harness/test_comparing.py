"""Comparisons by hand: differences, corrected p, and questions that are not the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kedge.benchmarks.datasets import Question
from kedge.benchmarks.harness.asking import record
from kedge.benchmarks.harness.comparing import compared, pair_table
from kedge.benchmarks.harness.page import markdown
from kedge.benchmarks.harness.runs import Run, read_run
from kedge.errors import InputError
from tests.benchmarks._questions import QUESTIONS, question, said

MANY = [question(f"q{n}", "Ada Quill") for n in range(12)]


def run(name: str, given: Sequence[Question], *methods: tuple[str, str]) -> Run:
    kept = [record(q, method, said(text), 0.01) for method, text in methods for q in given]
    return Run(Path(name), {}, tuple(given), tuple(kept))


def test_pairs_by_hand() -> None:
    one = run("one", MANY, ("m", "Ada Quill"), ("n", "Nobody"))
    found = compared([one, run("other", MANY, ("m", "Nobody"))])
    names = [(pair.one, pair.other) for pair in found.pairs]
    assert names == [("one: m", "one: n"), ("one: m", "other: m"), ("one: n", "other: m")]
    first, _, same = found.pairs
    assert (first.difference.mean, same.difference.mean) == (1, 0)
    assert first.p < 0.001
    assert first.p_holm == pytest.approx(3 * first.p)
    assert first.p_right == pytest.approx(2 / 2**12)
    assert (same.p, same.p_holm) == (1, 1)
    assert [score.p is None for score in found.scores][:2] == [True, False]
    assert len(markdown(pair_table(found.pairs)).splitlines()) == 5


def test_only_questions_that_are_the_same_are_compared() -> None:
    others = [replace(MANY[0], question="Another?"), replace(MANY[1], answers=("Bo",)), *MANY[2:]]
    found = compared([run("a/run", MANY, ("m", "Ada Quill")), run("b/run", others, ("m", "Ada Quill"))])
    assert (len(found.questions), found.left_out) == (10, 2)
    assert {row["method"] for row in found.records} == {"a/run: m", "b/run: m"}
    with pytest.raises(InputError, match="no question in common"):
        compared([run("a", MANY, ("m", "x")), run("b", QUESTIONS, ("m", "x"))])


def test_what_was_not_asked_earns_nothing() -> None:
    half = run("half", MANY, ("m", "Ada Quill"))
    cut = replace(half, folder=Path("cut"), records=half.records[:6])
    [pair] = compared([half, cut]).pairs
    assert pair.difference.mean == 0.5


def test_a_run_is_read_while_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "questions.jsonl").write_text(
        '{"id": "a", "question": "Who?", "answers": ["Ada"], "gold": []}\n'
    )
    path = tmp_path / "records.jsonl"
    path.write_text('{"id": "m/a", "question": "a", "method": "m"}\n{"id": "m/b", "te')
    before = path.read_bytes()
    found = read_run(tmp_path)
    assert (found.methods, found.questions[0].answers, len(found.records)) == (["m"], ("Ada",), 1)
    assert path.read_bytes() == before
