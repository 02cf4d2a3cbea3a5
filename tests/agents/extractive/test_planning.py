from __future__ import annotations

import asyncio
import re
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.decisions import Gap, Plan
from kedge.agents.extractive import ExtractiveCast
from kedge.agents.extractive.planning import plan

Shape = list[tuple[str, str]]


def shape(found: Plan) -> Shape:
    return [(step.operation, step.question) for step in found.steps]


def searches(*questions: str) -> Shape:
    return [("search", question) for question in questions]


@pytest.mark.parametrize(
    ("question", "steps"),
    [
        (
            "Who is the spouse of the director of Grey Petrel?",
            ("Who is the director of Grey Petrel?", "Who is the spouse of #1?"),
        ),
        (
            "What is the capital of the country of Ines Marrick's father?",
            (
                "Who is the father of Ines Marrick?",
                "What is the country of #1?",
                "What is the capital of #2?",
            ),
        ),
        (
            "When did the state where Tarn Hall is located become part of Hesk?",
            ("In which state is Tarn Hall located?", "When did #1 become part of Hesk?"),
        ),
        (
            "Who founded the company that built the Grey Petrel?",
            ("Which company built the Grey Petrel?", "Who founded #1?"),
        ),
        (
            "What is the population of the town Ada Lund is from?",
            ("Which town is Ada Lund from?", "What is the population of #1?"),
        ),
        (
            "Where was the composer of the film directed by Ada Lund born?",
            (
                "Which film was directed by Ada Lund?",
                "Who is the composer of #1?",
                "Where was #2 born?",
            ),
        ),
        (
            "Who played the Grey Petrel singer in Walk the Pier?",
            ("Who is the singer of Grey Petrel?", "Who played #1 in Walk the Pier?"),
        ),
        (
            "Who painted the largest church in Varde?",
            ("What is the largest church in Varde?", "Who painted #1?"),
        ),
        (
            "Who is the paternal grandfather of Ada Lund?",
            ("Who is the father of Ada Lund?", "Who is the father of #1?"),
        ),
        (
            "Ada Lund was raised in a village that lies on which river?",
            ("Ada Lund was raised in which village?", "#1 lies on which river?"),
        ),
        (
            "Who directed Grey Petrel, and when was he born?",
            ("Who directed Grey Petrel?", "When was #1 born?"),
        ),
        (
            "What is the height of each of the five tallest towers in Hesk?",
            ("What are the five tallest towers in Hesk?", "What is the height of #1?"),
        ),
    ],
)
def test_chains(question: str, steps: tuple[str, ...]) -> None:
    assert shape(plan(question)) == searches(*steps)


@pytest.mark.parametrize(
    ("question", "operation", "asked"),
    [
        (
            "Who was born first, Ada Lund or Jon Cleary?",
            "earliest",
            ("When was Ada Lund born?", "When was Jon Cleary born?"),
        ),
        (
            "Was Ada Lund or Jon Cleary born first?",
            "earliest",
            ("When was Ada Lund born?", "When was Jon Cleary born?"),
        ),
        (
            "Are Ada Lund and Jon Cleary from the same country?",
            "same",
            ("What country is Ada Lund from?", "What country is Jon Cleary from?"),
        ),
        (
            "Are both Ada Lund and Jon Cleary from Hesk?",
            "all",
            ("Is Ada Lund from Hesk?", "Is Jon Cleary from Hesk?"),
        ),
        (
            "Did Ada Lund move to Varde before Jon Cleary was born?",
            "compare",
            ("When did Ada Lund move to Varde?", "When was Jon Cleary born?"),
        ),
        (
            "Which painter lived in Hesk and was born in Varde?",
            "intersect",
            ("Which painter lived in Hesk?", "Which painter was born in Varde?"),
        ),
        (
            "How many years after the siege of Varde did Ada Lund die?",
            "subtract",
            ("When was the siege of Varde?", "When did Ada Lund die?"),
        ),
        (
            "How many more ships sailed from Varde than from Tarn?",
            "subtract",
            ("How many ships sailed from Varde?", "How many ships sailed from Tarn?"),
        ),
        (
            "What are the heights of Tarn Fell, Hesk Pike and Mount Varde?",
            "union",
            (
                "What are the heights of Tarn Fell?",
                "What are the heights of Hesk Pike?",
                "What are the heights of Mount Varde?",
            ),
        ),
    ],
)
def test_operations(question: str, operation: str, asked: tuple[str, ...]) -> None:
    *before, last = plan(question).steps
    assert tuple(step.question for step in before) == asked
    assert (last.operation, last.question) == (operation, question)
    assert last.depends_on == tuple(step.id for step in before)


def test_a_comparison_of_what_must_be_found_first() -> None:
    found = plan("Which film has the director who was born later, Grey Petrel or Loose Ankles?")
    assert [step.depends_on for step in found.steps] == [(), ("1",), (), ("3",), ("2", "4")]
    assert found.steps[-1].operation == "latest"


@pytest.mark.parametrize(
    "question",
    [
        "Who directed Grey Petrel?",
        "When was Ada Lund born?",
        "What is the capital of Hesk?",
        "Who is the director of the film Grey Petrel?",
        "What was the capital of Hesk before the war?",
        "What is the name of the town where Ada Lund was born?",
        "How many people live in the city of Varde?",
        "Which of Ada Lund's sons wrote The Long Pier?",
        "Who was elected the president of Hesk in 1912?",
        "Who is the actor who played Jon Cleary in Grey Petrel?",
        "What did the ship called Grey Petrel carry?",
        "How are bread and butter made?",
        "Wer hat den Film gedreht, der in Hesk spielt?",
        "Qui est le père du réalisateur de Grey Petrel ?",
        "谁是《海燕》导演的配偶？",
        "The ship sank. Who was its captain?",
        "Ada Lund was born in Varde.",
        "Grey Petrel",
        "?",
        "",
        "   ",
    ],
)
def test_one_step_stays_one(question: str) -> None:
    (step,) = plan(question).steps
    assert (step.question, step.depends_on, step.operation) == (question, (), "search")


def test_a_number_sign_is_no_reference() -> None:
    (step,) = plan("Who was the #1 player in Varde?").steps
    assert (step.question, step.depends_on) == ("Who was the No. 1 player in Varde?", ())


def test_gaps_become_questions() -> None:
    gaps = [
        Gap(kind="relation", target="Ada Lund", slot="birthplace", description="where Ada Lund was born"),
        Gap(kind="entity", target="Grey Petrel", description="what Grey Petrel is"),
        Gap(kind="entity", target="Grey Petrel", description="what Grey Petrel is"),
    ]
    found = plan("Where was the captain of Grey Petrel born?", gaps)
    asked = searches("What is the birthplace of Ada Lund?", "What is Grey Petrel?")
    assert shape(found)[:-1] == asked
    assert (found.steps[-1].operation, found.steps[-1].depends_on) == ("union", ("1", "2"))
    assert shape(plan("?", gaps[:1])) == asked[:1]


def test_the_cast_plans() -> None:
    cast = ExtractiveCast(encoder=None)  # type: ignore[arg-type]
    assert len(asyncio.run(cast.plan("Who is the spouse of the director of Grey Petrel?")).steps) == 2


# --- any text ----------------------------------------------------------------------------------------------

WORDS = """
    Who what which When did does is was were the a of in by and or that who where whose born named directed
    founded director father country town company film first older than before after same both each five most
    largest Ada Lund Varde Hesk 1912 How many more years #1 's " ( ) , ? . – é 东
"""


def check(found: Plan) -> None:
    seen: set[str] = set()
    for step in found.steps:
        named = set(re.findall(r"#(\d+)", step.question))
        assert set(step.depends_on) <= seen
        if len(found.steps) > 1 and step.operation == "search":
            assert named <= set(step.depends_on)
        seen.add(step.id)
    assert len(seen) == len(found.steps)
    waited = {name for step in found.steps for name in step.depends_on}
    assert {step.id for step in found.steps} - waited == {found.steps[-1].id}


@given(st.lists(st.sampled_from(sorted(WORDS.split())), max_size=40).map(" ".join))
def test_every_plan_can_run(question: str) -> None:
    found = plan(question)
    check(found)
    assert plan(question) == found


@given(st.text(max_size=300))
def test_any_text_is_planned(question: str) -> None:
    check(plan(question))


@pytest.mark.parametrize(
    "question",
    [
        "Who is " + "the father of " * 40 + "Ada Lund?",
        "the " * 150 + "Who?",
        "Ada Lund was a a a " * 30 + "which",
        '"' * 200 + "Who is the father of Ada?",
        "How many more " + "Ada than " * 60 + "?",
        "What do Ada and " + "Ada and " * 70 + "share",
        "Who and " * 70,
        "Who is " + "Ada, " * 100 + "and Ada?",
        "Who wrote " + "x" * 10_000,
        "Which (" + "(" * 500,
    ],
)
def test_nothing_takes_long(question: str) -> None:
    start = perf_counter()
    check(plan(question))
    assert perf_counter() - start < 1
