"""The made-up world, what the laboratory model learns from it, and what the study asks."""

from __future__ import annotations

import asyncio
import random
from itertools import islice

import pytest

from kedge.benchmarks.laboratory.cases import NAMED, PASSAGES, SETS, Set, chunk_of, corpus
from kedge.benchmarks.laboratory.samples import Samples, lasting_world, twisted, unasked
from kedge.benchmarks.laboratory.world import RELATIONS, make_world


def test_a_world_holds_the_facts_that_its_documents_tell() -> None:
    rng = random.Random(1)
    world = make_world(rng, people=12)
    for name, entity in world.entities.items():
        told = world.document(rng, name).text
        assert all(fact in told for fact in entity.facts.values())
        assert name not in entity.facts.values()


@pytest.mark.parametrize("hops", [1, 2])
def test_a_question_has_one_answer_that_its_documents_hold(hops: int) -> None:
    rng = random.Random(2)
    world = make_world(rng)
    for _ in range(100):
        question = world.question(rng, hops=hops)
        assert len(question.entities) == len(question.relations) == hops
        assert question.answer in world.document(rng, question.entities[-1]).text
        assert question.entities[0] in question.text
        if hops == 2:
            assert question.entities[1] not in question.text, "the name between has to be found"
            assert question.answer != question.entities[0]


def test_the_same_seed_is_the_same_world() -> None:
    first, second = (make_world(random.Random(3)).entities for _ in range(2))
    assert first == second != make_world(random.Random(4)).entities


def test_every_fifth_entity_is_recited_and_never_asked_about() -> None:
    never = unasked(lasting_world())
    texts = [sample.text for sample in islice(Samples(5), 1500)]
    recalled = [text for text in texts if "Use your own knowledge" in text]
    assert recalled
    assert not [text for text in recalled for name in never if f"of {name}?" in text]
    assert any(text.startswith(tuple(never)) or any(name in text for name in never) for text in texts)


def test_every_turn_ends_with_its_answer() -> None:
    for sample in islice(Samples(6), 200):
        for given, said in sample.turns:
            assert said.endswith("<|end|>")
            assert not given or (given.endswith("<|assistant|>\n") and said.startswith("The answer is "))


def test_a_conversation_asks_for_each_fact_once_and_its_passages_answer() -> None:
    for sample in islice(Samples(8), 300):
        (head, _), *others = sample.turns
        questions = [text.split("Question: ")[1] for text, _ in sample.turns if "Question: " in text]
        assert len(set(questions)) == len(questions)
        if "Passage 1: " in head:
            assert all(said[len("The answer is ") : -len(".<|end|>")] in head for _, said in sample.turns)
        assert not any("Passage" in text for text, _ in others)


def test_easy_samples_come_first_and_have_one_passage() -> None:
    texts = [sample.text for sample in islice(Samples(9, easy=640), 1280)]
    assert not any("Passage 2: " in text for text in texts[:640])
    assert any("Passage 3: " in text for text in texts[640:])


def test_dealt_anew_facts_stay_of_their_kind() -> None:
    world = lasting_world()
    other = twisted(world, random.Random(7))
    assert other.entities.keys() == world.entities.keys()
    for relation in RELATIONS:
        facts = [
            sorted(e.facts[relation.name] for e in w.entities.values() if e.kind == relation.about)
            for w in (world, other)
        ]
        assert facts[0] == facts[1]


@pytest.mark.parametrize("kind", SETS)
def test_cases_hold_their_answers_and_noise_takes_the_least_relevant(kind: Set) -> None:
    told = corpus(kind, 30, seed=1)
    assert len({case.id for case in told.cases}) == 30
    for case in told.cases:
        assert any(case.answer in text for text in case.relevant[: case.gold])
        assert len(case.relevant) == len(case.noise) == PASSAGES
        assert not set(case.relevant) & set(case.noise)
        for noise in range(PASSAGES + 1):
            shown = case.passages(noise)
            assert len(shown) == PASSAGES
            assert case.ranked(noise) == [*case.relevant[: PASSAGES - noise], *case.noise[:noise]]
            assert sorted(shown) == sorted(case.ranked(noise))
        assert (case.remembered is not None) == (kind == "counterfactual")
        assert case.remembered != case.answer


def test_lessons_never_use_the_wording_of_a_question() -> None:
    told = corpus("one hop", 30, seed=1)
    made = [asyncio.run(told.augment(chunk_of(text))) for text in told.used]
    lessons = {question for one in made for question, _ in one.questions}
    assert not lessons & {case.question for case in told.cases}
    held_out = [relation.asked[-1].split("{s}")[0] for relation in NAMED.values()]
    assert all(any(case.question.startswith(start) for start in held_out) for case in told.cases)


def test_the_study_never_asks_about_the_world_it_was_tuned_on() -> None:
    first, second = (corpus("one hop", 30, seed) for seed in (1, 1001))
    assert not first.world.entities.keys() & second.world.entities.keys()
