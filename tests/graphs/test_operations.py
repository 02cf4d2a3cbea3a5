"""Operations on answers: typed values, and problems instead of guesses."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.agents.decisions import Operation
from kedge.graphs.operations import Operand, items, operate


def operands(*answers: str | None, about: str = "When was {} born?") -> list[Operand]:
    names = ("Ada Moss", "Ben Lowe", "Cy Rook", "Dora Finch")
    return [Operand(str(n + 1), (about.format(names[n]),), answer) for n, answer in enumerate(answers)]


@pytest.mark.parametrize(
    ("operation", "question", "answers", "expected"),
    [
        ("compare", "Who is older, Ada Moss or Ben Lowe?", ("1840", "3 June 1830"), "Ben Lowe"),
        ("compare", "Who is younger, Ada Moss or Ben Lowe?", ("1840", "3 June 1830"), "Ada Moss"),
        ("compare", "Who is older?", ("41 years", "29 years"), "Ada Moss"),
        ("compare", "Is Ada Moss older than Ben Lowe?", ("1840", "1830"), "no"),
        ("compare", "Were both born in the same year?", ("1840", "3 June 1840"), "yes"),
        ("earliest", "Who came first?", ("May 1840", "1841", "June 1840"), "Ada Moss"),
        ("earliest", "When was the first one born?", ("1840", "1830"), "1830"),
        ("latest", "Who was born last?", ("1840", "1830", "1850"), "Cy Rook"),
        ("largest", "Which is longer?", ("120 miles", "160 km"), "Ada Moss"),
        ("smallest", "Which is heavier by less?", ("2 tonnes", "1,900 kg"), "Ben Lowe"),
        ("largest", "What is the largest number?", ("3 million", "2,900,000"), "3 million"),
        ("sum", "How many together?", ("1,200", "350"), "1,550"),
        ("sum", "How long together?", ("1 km", "500 m"), "1.5 km"),
        ("subtract", "How many years apart?", ("14 November 1840", "10 July 1850"), "9 years"),
        ("subtract", "How many years apart?", ("1840", "1850"), "10 years"),
        ("subtract", "How many days apart?", ("1 March 1840", "1 February 1840"), "29 days"),
        ("subtract", "How much more?", ("250", "1,000"), "750"),
        ("same", "Are they from the same country?", ("American", "the United States"), "yes"),
        ("same", "The same?", ("New York", "new york."), "yes"),
        ("same", "The same?", ("Paris", "London"), "no"),
        ("same", "The same?", ("7 Up", "7 Seas"), "no"),
        ("same", "The same?", ("about 3 km", "3,000 m"), "yes"),
        ("count", "How many?", ("Ada, Ben and Cy",), "3"),
        ("count", "How many?", ("seven",), "7"),
        ("count", "How many of them?", ("yes", "no", "Yes, he did"), "2"),
        ("intersect", "Who is in both?", ("Ada, Ben and Cy", "Cy; Dora; ADA"), "Ada, Cy"),
        ("union", "Who is in either?", ("Ada and Ben", "Ben and Cy"), "Ada, Ben, Cy"),
        ("difference", "Who is only in the first?", ("Ada, Ben", "Ben"), "Ada"),
        ("all", "All?", ("yes", "true"), "yes"),
        ("all", "All?", (None, "no"), "no"),
        ("any", "Any?", (None, "yes"), "yes"),
        ("any", "Any?", ("no", "false"), "no"),
    ],
)
def test_answers_are_typed(
    operation: Operation, question: str, answers: tuple[str | None, ...], expected: str
) -> None:
    assert operate(operation, question, operands(*answers)).answer == expected


@pytest.mark.parametrize(
    ("operation", "question", "answers", "problem"),
    [
        ("earliest", "Who?", ("1840", None), "#2 has no answer"),
        ("earliest", "Who?", ("1840", "in his youth"), "#2 is no date or number: 'in his youth'"),
        ("largest", "Which?", ("3 kg", "4 km"), "#2 is in km, not in kg: '4 km'"),
        ("largest", "Which?", ("1840", "4 km"), "#2 cannot be compared: '4 km', '1840'"),
        ("earliest", "Who?", ("1840", "June 1840"), "cannot tell '1840' and 'June 1840' apart"),
        ("compare", "Wer von beiden?", ("1840", "1841"), "no way to compare is known from: Wer von beiden?"),
        ("intersect", "Who?", ("Ada", "Ben"), "nothing is left"),
        ("all", "All?", ("yes", None), "#2 has no answer"),
        ("any", "Any?", ("no", "perhaps"), "#2 is neither yes nor no: 'perhaps'"),
        ("sum", "Together?", ("1840", "1841"), "#1 is a date, and dates have no sum"),
        ("subtract", "Apart?", ("1", "2", "3"), "a difference needs two answers"),
    ],
)
def test_what_cannot_be_known_is_a_problem(
    operation: Operation, question: str, answers: tuple[str | None, ...], problem: str
) -> None:
    outcome = operate(operation, question, operands(*answers))
    assert (outcome.answer, outcome.problem) == (None, problem)


def test_the_one_chosen_is_called_what_the_question_calls_it() -> None:
    chains = (
        Operand("3", ("Who directed Loose Ankles?", "When was Ted Wilde born?"), "1889"),
        Operand("4", ("Who directed The Big Heat?", "When was Fritz Lang born?"), "1890"),
    )
    film = "Which film has the older director, Loose Ankles or The Big Heat?"
    person = "Who is older, the director of Loose Ankles or the director of The Big Heat?"
    assert operate("compare", film, chains).answer == "Loose Ankles"
    assert operate("compare", person, chains).answer == "Ted Wilde"


def test_the_name_is_found_in_any_language() -> None:
    births = [
        Operand("1", ("wann wurde monet geboren?",), "1840"),
        Operand("2", ("wann wurde degas geboren?",), "1834"),
    ]
    assert operate("earliest", "wer?", births).answer == "degas"


@given(
    st.sampled_from(get_args(Operation)[1:]), st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=4)
)
def test_any_answers_give_an_answer_or_a_problem(operation: Operation, answers: list[str | None]) -> None:
    outcome = operate(operation, "Which is larger?", operands(*answers))
    assert (outcome.answer is None) == bool(outcome.problem)


@given(st.lists(st.sampled_from(["Ada", "Ben", "Cy", "Dora"]), min_size=1, unique=True))
def test_a_list_is_read_back(names: list[str]) -> None:
    written = ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]
    assert items(written) == names
