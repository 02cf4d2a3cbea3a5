from __future__ import annotations

import time

import pytest

from kedge.agents.extractive.questions import Description, analyse


@pytest.mark.parametrize(
    ("question", "expects"),
    [
        ("Who founded the yard?", "person"),
        ("Where was Ada Lund born?", "place"),
        ("When did the yard close?", "date"),
        ("In what year did the yard close?", "date"),
        ("How many ships did it build?", "number"),
        ("What is the population of Bergen?", "number"),
        ("Which director made The Salt Road?", "person"),
        ("What city was the yard founded in?", "place"),
        ("Which country is Ada Lund from?", "country"),
        ("What company owns the ferry?", "name"),
        ("What did Ada Lund study?", "phrase"),
        ("Is Ada Lund a painter?", "yes-no"),
        ("The yard was founded in which city?", "place"),
    ],
)
def test_expected_type_of_the_answer(question: str, expects: str) -> None:
    assert analyse(question).expects == expects


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Why did the yard close?", "explanation"),
        ("How does a kedge work?", "explanation"),
        ("Who was Tove Krag?", "explanation"),
        ("Did Tove Krag direct Harbour Lights?", "yes-no"),
        ("Who is older, Ada Lund or Tove Krag?", "comparison"),
        ("Who directed Harbour Lights?", "span"),
    ],
)
def test_kind(question: str, kind: str) -> None:
    assert analyse(question).kind == kind


@pytest.mark.parametrize(
    ("question", "operands", "operator", "asked"),
    [
        ("Who is older, Ada Lund or Tove Krag?", ("Ada Lund", "Tove Krag"), "low", "When was {} born?"),
        ("Who died later, Ada Lund or Tove Krag?", ("Ada Lund", "Tove Krag"), "high", "When did {} die?"),
        (
            "Which film was released more recently, Queen, Of The Nile or Fists, One Heart?",
            ("Queen, Of The Nile", "Fists, One Heart"),
            "high",
            "When was {} released?",
        ),
        (
            "Which film has the director who died first, The Salt Road or Harbour Lights?",
            ("The Salt Road", "Harbour Lights"),
            "low",
            "When did the director of {} die?",
        ),
        (
            "Are the directors of both films The Salt Road and Harbour Lights from the same country?",
            ("Salt Road", "Harbour Lights"),
            "same",
            "What country is the director of {} from?",
        ),
        (
            "Were Ada Lund and Tove Krag both painters?",
            ("Ada Lund", "Tove Krag"),
            "both",
            "Was {} painters?",
        ),
        (
            "Which city has a larger population, Bergen or Aarhus?",
            ("Bergen", "Aarhus"),
            "high",
            "What is the population of {}?",
        ),
        ("Between Bergen and Aarhus, which is older?", ("Bergen", "Aarhus"), "low", None),
    ],
)
def test_comparisons(question: str, operands: tuple[str, str], operator: str, asked: str | None) -> None:
    comparison = analyse(question).comparison
    assert comparison is not None
    assert tuple(operand.removeprefix("The ") for operand in comparison.operands) == tuple(
        operand.removeprefix("The ") for operand in operands
    )
    assert comparison.operator == operator
    assert asked in (None, comparison.asked)


def test_events_in_order() -> None:
    comparison = analyse("Did Ada Lund sell the ferry before Tove Krag filmed Harbour Lights?").comparison
    assert comparison is not None
    assert comparison.operator == "before"
    assert comparison.operands == ("Ada Lund sell the ferry", "Tove Krag filmed Harbour Lights")


@pytest.mark.parametrize(
    ("question", "phrase", "inner"),
    [
        (
            "Where is the director of film The Salt Road buried?",
            "the director of film The Salt Road",
            "Who is the director of The Salt Road?",
        ),
        ("When was Ada Lund's mother born?", "Ada Lund's mother", "Who is the mother of Ada Lund?"),
        (
            "What is the population of the town where Ada Lund was born?",
            "the town where Ada Lund was born",
            "In which town Ada Lund was born?",
        ),
        (
            "When did the shipyard that Henrik Falk founded close?",
            "the shipyard that Henrik Falk founded",
            "Which shipyard Henrik Falk founded?",
        ),
        (
            "Who is Ada Lund's paternal grandfather?",
            "the father of Ada Lund",
            "Who is the father of Ada Lund?",
        ),
        (
            "On which island was the captain born who lost the Havgul on the Teeth?",
            "the captain who lost the Havgul on the Teeth",
            "Which captain lost the Havgul on the Teeth?",
        ),
        (
            "Where was the founder of the yard that built the Havgul born?",
            "the yard that built the Havgul",
            "Which yard built the Havgul?",
        ),
        (
            "Who owns the newspaper once edited by Ada Lund?",
            "the newspaper once edited by Ada Lund",
            "Which newspaper was once edited by Ada Lund?",
        ),
    ],
)
def test_descriptions_that_stand_for_a_name(question: str, phrase: str, inner: str) -> None:
    description = analyse(question).description
    assert isinstance(description, Description)
    assert (description.phrase, description.question) == (phrase, inner)


@pytest.mark.parametrize("question", ["Who is the director of The Salt Road?", "Who is Ada Lund's father?"])
def test_a_question_that_is_one_step_has_no_description(question: str) -> None:
    assert analyse(question).description is None


@pytest.mark.parametrize(
    ("question", "dangling"),
    [
        ("When did he die?", "he"),
        ("What is its capital?", "its"),
        ("Is it possible to swim?", ""),
        ("What time is it?", ""),
        ("Did Ada Lund sell her ferry?", ""),
    ],
)
def test_pronouns_without_antecedent(question: str, dangling: str) -> None:
    assert analyse(question).dangling == dangling


def test_names_leave_question_words_and_nationalities_out() -> None:
    assert analyse("Is Tove Krag Danish?").names == ("Tove Krag",)
    assert analyse("Who directed The Salt Road?").names == ("The Salt Road",)
    assert analyse('Who sang "The wild sea"?').names == ("The wild sea",)


def test_negation_is_noticed() -> None:
    assert analyse("Which ferry did not sail?").negated
    assert not analyse("Which ferry sailed?").negated


@pytest.mark.parametrize(
    "noise",
    [
        *("", " ", "?", "\x00\x07\u202e", "Who is the 船 of Ça?"),
        *("word " * 20_000, "A and B, " * 11_000, '"' * 100_000, "the x of " * 12_000, "()" * 50_000),
    ],
)
def test_any_text_is_accepted_and_long_ones_cost_little(noise: str) -> None:
    start = time.perf_counter()
    question = analyse(noise)
    assert time.perf_counter() - start < 0.5
    assert len(question.text) <= 700
    assert question.text.isprintable()


@pytest.mark.parametrize(
    ("question", "focus", "measure"),
    [
        ("Which island's quarry is leased to Ada Lund?", "island", ""),
        ("Which ship laid the cable to Sotra?", "ship", ""),
        ("What was the name of the mother of Ada Lund?", "mother", ""),
        ("How large a fine was imposed on Ada Lund?", "", "fine"),
        ("How many steps does Ada Lund climb?", "", "steps"),
    ],
)
def test_noun_asked_for(question: str, focus: str, measure: str) -> None:
    understood = analyse(question)
    assert (understood.focus, understood.measure) == (focus, measure)
