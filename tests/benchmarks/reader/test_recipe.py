from __future__ import annotations

import random
from pathlib import Path

import pytest

from kedge.benchmarks.datasets import Passage, hotpotqa, passages
from kedge.benchmarks.reader.examples import CALIBRATION, REPORTED, held_aside, squad_examples, training
from kedge.benchmarks.reader.making import clozes, exchanged
from kedge.benchmarks.reader.scoring import Read, area, fitted, scores, threshold

TEXT = (
    "The Nordhavn Shipyard was founded in Bergen in 1868 by Henrik Falk. It built 412 ships for Norway. "
    "The yard closed in 1979, after Tove Krag had sold it to a bank in Oslo."
)


def test_clozes_ask_for_what_the_text_says_or_no_longer_says() -> None:
    made = list(clozes([Passage("1", "Nordhavn Shipyard", TEXT)] * 20, random.Random(3)))
    assert {example.answerable for example in made} == {True, False}
    for example in made:
        for start, end in example.spans:
            answer = example.text[start:end]
            assert answer
            assert example.question.split()[0] in ("When", "In", "How", "What", "Where", "Who", "Which")
            assert answer not in example.question or answer.isdigit()


def test_exchanged_names_are_other_names_of_the_text() -> None:
    question = exchanged("When did Henrik Falk found the yard?", TEXT, random.Random(1))
    assert question is not None
    assert "Henrik Falk" not in question
    assert any(name in question for name in ("Nordhavn", "Bergen", "Norway", "Tove Krag", "Oslo"))


def test_what_is_reported_is_never_learnt(shared_data: Path) -> None:
    data = shared_data
    asked_of = squad_examples(data / "extractive_qa/squad2_25articles.json")
    kept = {e.text for e in asked_of if e.title in REPORTED + CALIBRATION}
    hotpot = data / "multihop_qa/hotpot500"
    asked = {q.question for q in hotpotqa(hotpot / "questions.jsonl")}
    reported = {p.text for p in passages(hotpot / "corpus.jsonl")}
    learnt = list(training(data, seed=1))
    assert len(learnt) > 50_000
    assert len(kept) > 200
    titles = {*REPORTED, *CALIBRATION}
    squad = [e for e in learnt if e.source in ("squad", "elsewhere", "altered")]
    assert not titles & {e.title for e in squad}
    assert not kept & {e.text for e in learnt}
    assert not asked & {e.question for e in learnt}
    assert not reported & {e.text for e in learnt if e.source in ("cloze", "fact")}
    together = "\0".join({e.text for e in learnt if e.source == "together"})
    assert together
    assert not [text for text in kept | reported if len(text) > 60 and text[:120] in together]
    aside = {q.question for q in hotpotqa(data / "multihop_qa/hotpot100/questions.json") if held_aside(q.id)}
    assert aside
    assert not aside & {e.question for e in learnt}


def test_calibration_finds_which_answers_are_right() -> None:
    chance = random.Random(0)
    read = []
    for number in range(400):
        score = chance.gauss(0, 2)
        right = chance.random() < 1 / (1 + 2.718 ** -(score - 1))
        read.append(Read(str(number), ("Hesk",) if right else (), "Hesk", (score, 0.0, 0.0)))
    weights = fitted(read)
    assert weights.alone[0] == pytest.approx(-1, abs=0.5)
    assert weights.alone[1] == pytest.approx(1, abs=0.3)
    at = threshold(read, weights)
    found = scores(read, weights, at)
    assert found.overall.mean > 0.7
    assert found.error < 0.08
    assert found.auc > 0.75


def test_area_counts_ties_half() -> None:
    assert area([1.0, 0.0], [0.0]) == 0.75
