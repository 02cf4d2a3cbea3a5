from __future__ import annotations

import time

import pytest

from kedge.agents.extractive._passages import Passages, key_of
from kedge.agents.extractive.questions import analyse
from kedge.agents.extractive.reading import read
from kedge.tools.encoders import MiniLM, MiniReader
from tests.agents.extractive._world import WORLD, evidence

ENCODER, READER = MiniLM(), MiniReader()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was Mirelle Dantec born?", "4 May 1871"),
        ("When did Mirelle Dantec die?", "19 November 1932"),
        ("Where was Mirelle Dantec born?", "Roscoff"),
        ("Who is the father of Mirelle Dantec?", "Yann Dantec"),
        ("Who is Mirelle Dantec's mother?", "Soizic Le Goff"),
        ("Who directed The Salt Road?", "Aksel Brandt"),
        ("Where is the director of The Salt Road buried?", "Møllendal Cemetery"),
        ("Where was the director of Harbour Lights born?", "Aarhus"),
        ("When was the Nordhavn Shipyard founded?", "1868"),
        ("How many ships did the Nordhavn Shipyard build?", "412"),
        ("How much did Harbour Lights cost?", "40,000 crowns"),
        ("What nationality was Tove Krag?", "Danish"),
        ("In what year did the Nordhavn Shipyard close?", "1979"),
        ("What is the capacity of the Solbris?", "120"),
        ("What is the capacity of the Havgul?", "85"),
        ("Who was born first, Aksel Brandt or Tove Krag?", "Aksel Brandt"),
        ("Who lived longer, Mirelle Dantec or Tove Krag?", "Tove Krag"),
        ("Which film is older, The Salt Road or Harbour Lights?", "The Salt Road"),
        ("Which ferry is longer, Solbris or Havgul?", "Havgul"),
        (
            "Which film has the director who was born later, The Salt Road or Harbour Lights?",
            "Harbour Lights",
        ),
        ("Do Aksel Brandt and Tove Krag have the same nationality?", "no"),
        ("Was Mirelle Dantec a painter?", "yes"),
        ("Is Tove Krag Danish?", "yes"),
        ("Was Mirelle Dantec born in Paris?", "no"),
        ("Was the Nordhavn Shipyard founded in Oslo?", "no"),
    ],
)
async def test_answers(question: str, answer: str) -> None:
    reading = await read(question, evidence(*WORLD), ENCODER, READER)
    assert reading.answer == answer, reading


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Who wrote The Iron Coast?", "out of corpus"),
        ("What is the capital of Mongolia?", "out of corpus"),
        ("Where is the director of Harbour Lights buried?", "missing hop"),
        ("Who composed the music of The Salt Road?", "missing hop"),
        ("Did Aksel Brandt direct Harbour Lights?", "missing hop"),
        ("When was the Nordhavn Shipyard founded in Oslo?", "false premise"),
        ("Who was the husband of Mirelle Dantec?", "false premise"),
        ("When did he die?", "under-specified"),
        ("What is its capital?", "under-specified"),
    ],
)
async def test_refusals(question: str, reason: str) -> None:
    reading = await read(question, evidence(*WORLD), ENCODER, READER)
    assert (reading.answer, reading.reason) == (None, reason), reading
    assert reading.gaps
    assert all(gap.description for gap in reading.gaps)


async def test_no_evidence_is_out_of_corpus() -> None:
    for nothing in ([], evidence(("", ""))):
        reading = await read("Who directed The Salt Road?", nothing, ENCODER, READER)
        assert (reading.answer, reading.reason) == (None, "out of corpus")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How heavy is the Vik bell?", "612 kg"),
        ("How tall is the Vik bell?", "2 m"),
        ("How old is the Vik bell?", None),
        ("In what year was the Vik bell cast?", "1804"),
        ("At what time was the Vik bell cast?", None),
    ],
)
async def test_numbers_measure_what_is_asked(question: str, answer: str | None) -> None:
    bell = evidence(
        ("Vik bell", "The Vik bell was cast on 3 May 1804. The Vik bell is 2 m tall and weighs 612 kg.")
    )
    assert (await read(question, bell, ENCODER, READER)).answer == answer


async def test_explanations_quote_the_sentence() -> None:
    reading = await read("Why did the Nordhavn Shipyard close?", evidence(*WORLD), ENCODER, READER)
    assert (reading.answer or "").rstrip(".") == "The yard closed in 1979 because orders had moved to Asia"


async def test_support_quotes_exactly() -> None:
    found = evidence(*WORLD)
    texts = {item.chunk.id: item.chunk.text for item in found}
    reading = await read("Where is the director of The Salt Road buried?", found, ENCODER, READER)
    quotes = [texts[s.chunk_id][s.start : s.end] for s in reading.support]
    assert quotes[0] == "Møllendal Cemetery"
    assert quotes[1].endswith("is buried in the Møllendal Cemetery in Bergen.")
    assert any("directed by Aksel Brandt" in quote for quote in quotes)


async def test_conflicting_dates_are_not_chosen_between() -> None:
    reading = await read(
        "When was the Vik mill built?",
        evidence(("Vik", "The Vik mill was built in 1850."), ("Mills", "The Vik mill was built in 1871.")),
        ENCODER,
        READER,
    )
    assert (reading.answer, reading.reason) == (None, "conflicting evidence")
    assert "1850" in reading.gaps[0].description
    assert "1871" in reading.gaps[0].description


async def test_a_name_with_two_bearers_is_under_specified() -> None:
    bearers = evidence(
        ("Jon Vik (painter)", "Jon Vik was a painter born in Bergen."),
        ("Jon Vik (sailor)", "Jon Vik was a sailor born in Stavanger."),
    )
    reading = await read("Where was Jon Vik born?", bearers, ENCODER, READER)
    assert (reading.answer, reading.reason) == (None, "under-specified")
    chosen = await read("Where was Jon Vik (sailor) born?", bearers, ENCODER, READER)
    assert chosen.answer == "Stavanger"


async def test_order_of_events_is_read_from_their_dates() -> None:
    letters = evidence(
        ("", "Time: 2026-03-01\nNora: I sold the old ferry to the museum today."),
        ("", "Time: 2026-05-09\nPer: Nora bought a small motorboat this morning."),
    )
    early = await read(
        "Did Nora sell the ferry to the museum before Nora bought a motorboat?",
        letters,
        ENCODER,
        READER,
    )
    late = await read(
        "Did Nora sell the ferry to the museum after Nora bought a motorboat?",
        letters,
        ENCODER,
        READER,
    )
    assert (early.answer, late.answer) == ("yes", "no")


@pytest.mark.parametrize(
    "text",
    [
        "Das Schiff wurde 1912 in Kiel gebaut. 船は1912年に建造された。" * 200,
        "def sail(x):\n    return x * 2\n" * 500,
        "a: 1 | b: 2 | c: 3\n" * 1000,
        "word" * 25_000,
        "((" * 3_000 + " 1912 " + "– " * 3_000,
        "\x00\ufffd\u202e 🎣 " * 500,
    ],
)
async def test_any_evidence_is_survived(text: str) -> None:
    found = evidence(("Odd", text))
    start = time.perf_counter()
    for question in (
        "When was the ship built in Kiel?",
        "What is b?",
        "Is Odd a ship?",
        "Who is the x of Odd?",
    ):
        reading = await read(question, found, ENCODER, READER)
        assert (reading.answer is None) == (reading.reason is not None)
        assert 0.0 <= reading.confidence <= 1.0
        for support in reading.support:
            assert 0 <= support.start < support.end <= len(text)
    assert time.perf_counter() - start < 8.0


async def test_reading_is_deterministic() -> None:
    question = "Who directed The Salt Road?"
    first, second = [await read(question, evidence(*WORLD), ENCODER, READER) for _ in range(2)]
    assert first == second


def test_words_of_one_relation_share_a_key() -> None:
    assert key_of("author") == key_of("wrote") == key_of("written")
    assert key_of("born") == key_of("birthplace")
    assert key_of("born") != key_of("died")


def test_passages_are_exact_and_rank_the_one_that_speaks_of_the_question_first() -> None:
    passages = Passages(evidence(*WORLD))
    assert all(p.chunk.text[p.start : p.end] == p.text for p in passages.all)
    question = analyse("Who founded the Nordhavn Shipyard?")
    _, best = passages.ranked(question, [key_of(word) for word in question.keys])[0]
    assert "founded in Bergen" in best.text


ISLES = (
    ("Great Orm", "Great Orm is an island. 640 people live on Great Orm."),
    ("Little Orm", "Little Orm is an island. 31 people live on Little Orm."),
    (
        "Storm Finch",
        "The Storm Finch was a barque of 240 tons, built by Tolland's Yard in 1866. Its master was Una Reyl."
        " The Storm Finch was wrecked on the Teeth in 1880.",
    ),
    ("Storm Crane", "The Storm Crane was a ferry, built by Marl & Sons in 1903. It was broken up in 1951."),
    (
        "Una Reyl",
        "Una Reyl was a captain. She was born on Little Orm. Her daughters were Ada, Bea and Cleo Reyl.",
    ),
    ("Tolland's Yard", "Tolland's Yard is a shipyard. It was founded in 1840 by Enoch Tolland."),
    ("Enoch Tolland", "Enoch Tolland was a shipbuilder. He was born in Larsby."),
    ("Town clock", "At twelve minutes past four on Monday morning the town clock stopped."),
    ("Catches", "Bar chart: mackerel landed at Orm Quay, in barrels. 1925: 4,200. 1926: 5,100. 1927: 6,350."),
    ("Hills", "Hill: Ward Top | Height in metres: 97\nHill: Cairn Head | Height in metres: 83"),
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How much mackerel was landed at Orm Quay in 1926?", "5,100 barrels"),
        ("Which is higher, Ward Top or Cairn Head?", "Ward Top"),
        ("What is the height of Cairn Head?", "83 metres"),
        ("At what time did the town clock stop?", "twelve minutes past four"),
        ("What were the names of Una Reyl's daughters?", "Ada, Bea and Cleo Reyl"),
        ("Where was the founder of the yard that built the Storm Finch born?", "Larsby"),
        ("Where was the master born who commanded the Storm Finch?", "Little Orm"),
        ("Were the Storm Finch and the Storm Crane built by the same yard?", "no"),
    ],
)
async def test_tables_lists_and_clauses(question: str, answer: str) -> None:
    reading = await read(question, evidence(*ISLES), ENCODER, READER)
    assert reading.answer == answer, reading


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("How many people live on Orm?", "under-specified"),
        ("How much did the Storm Finch cost to build?", "missing hop"),
        ("In which year was the Storm Crane wrecked on the Teeth?", "false premise"),
    ],
)
async def test_what_fits_in_words_and_not_in_sense_is_refused(question: str, reason: str) -> None:
    reading = await read(question, evidence(*ISLES), ENCODER, READER)
    assert reading.reason == reason, reading


async def test_a_comparison_quotes_both_sides() -> None:
    found = evidence(*ISLES)
    reading = await read(
        "Were the Storm Finch and the Storm Crane built by the same yard?", found, ENCODER, READER
    )
    titles = {item.chunk.id: item.chunk.title for item in found}
    assert {titles[support.chunk_id] for support in reading.support} >= {"Storm Finch", "Storm Crane"}
