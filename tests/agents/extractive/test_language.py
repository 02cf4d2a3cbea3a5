from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.agents.extractive.language import (
    bare_title,
    dates,
    lemma,
    names,
    numbers,
    sentences,
    singular,
    stem,
    tokens,
    without_possessive,
)


def _names(text: str, *known: str) -> list[str]:
    return [span.text for span in names(text, known)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In the morning she met Ada of Lynn in New York.", ["Ada of Lynn", "New York"]),
        ("The house was sold. Nobody came.", []),
        ("Births fell. Researchers worried.", []),
        ("Dr. Tomas Reed and Sir Ian Holm spoke.", ["Tomas Reed", "Sir Ian Holm"]),
        ("J. R. Hale met Ludwig van der Berg.", ["J. R. Hale", "Ludwig van der Berg"]),
        ("Sean O'Neill saw Jean-Luc Moreau's dog.", ["Sean O'Neill", "Jean-Luc Moreau"]),
        ("International Widget Works (IWW) grew.", ["International Widget Works", "IWW"]),
        ('She wrote "The Salt Road" and "Why?" there.', ["The Salt Road", "Why?"]),
        ('He said "we are leaving now" and left.', []),
        ("Sarah, Duchess of Mirrow, left.", ["Sarah, Duchess of Mirrow"]),
        ("the 1980 Summer Olympics in Veldt", ["1980 Summer Olympics", "Veldt"]),
        ("He played for Apollo 11 in Paris on 3 June 1912.", ["Apollo 11", "Paris"]),
        ("an American actor and a British writer", []),
        ("They flew with American Airlines.", ["American Airlines"]),
        ("the General Public License and General Hale", ["General Public License", "Hale"]),
        ("The Award for Best Artist went to Mira.", ["Award for Best Artist", "Mira"]),
    ],
)
def test_names(text: str, expected: list[str]) -> None:
    assert _names(text) == expected


def test_a_known_title_is_found_whatever_it_looks_like() -> None:
    assert _names("He saw Kiss and Tell in Lynn.", "Kiss and Tell") == ["Kiss and Tell", "Lynn"]
    assert _names("He saw Kiss Me there.", "Kiss") == ["Kiss Me"]


def test_bare_title() -> None:
    assert bare_title("Kiss and Tell (1945 film)") == "Kiss and Tell"
    assert bare_title("(untitled)") == "(untitled)"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3 June 1912", ["1912-06-03"]),
        ("June 3rd, 1912", ["1912-06-03"]),
        ("1912-06-03", ["1912-06-03"]),
        ("20260408_08:38", ["2026-04-08T08:38"]),
        ("in the 1930s and the 19th century", ["1930s", "19th century"]),
        ("in 44 BC", ["-0044"]),
        ("1912–1990", ["1912", "1990"]),
        ("the 2005–06 season", ["2005/2006"]),
        ("on Friday at 8:30 pm", ["friday", "T20:30"]),
        ("summer of 1999", ["1999-06"]),
        ("20th Century Fox made 1,912 films for $1990", []),
        ("on 3 June", ["--06-03"]),
        ("3/14/2020 and 14.3.2020", ["2020-03-14", "2020-03-14"]),
        ("It stopped at twelve minutes past four.", ["T04:12"]),
        ("Half past six in the evening, a quarter to nine, ten o'clock.", ["T18:30", "T08:45", "T10:00"]),
        ("From five to ten men, or two to four.", []),
    ],
)
def test_dates(text: str, values: list[str]) -> None:
    assert [date.value for date in dates(text)] == values


def test_dates_compare_across_precisions() -> None:
    early, late = dates("May 1912 and 3 June 1912")
    assert early.latest is not None
    assert late.earliest is not None
    assert early.latest < late.earliest
    assert late.has_day
    assert not early.has_day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$2.5 million", [(2.5e6, "USD")]),
        ("twenty-one people", [(21.0, "people")]),
        ("two hundred and five", [(205.0, "")]),
        ("1,234.5 km", [(1234.5, "km")]),
        ("40% of them", [(40.0, "percent")]),
        ("-3 °C", [(-3.0, "°C")]),
        ("built in 1912", []),
        ("Length: 31 m | Beam: 7m", [(31.0, "m"), (7.0, "m")]),
        ("£31m for 31m people", [(31e6, "GBP"), (31e6, "people")]),
    ],
)
def test_numbers(text: str, expected: list[tuple[float, str]]) -> None:
    assert [(n.value, n.unit) for n in numbers(text)] == expected


def test_sentences_respect_abbreviations_lists_and_wrapped_lines() -> None:
    text = "Dr. A. Reed left. He came\nback in 1912!\n\n- one item\n- another item\nNo. 5 is here."
    assert [text[a:b] for a, b in sentences(text)] == [
        "Dr. A. Reed left.",
        "He came\nback in 1912!",
        "- one item",
        "- another item",
        "No. 5 is here.",
    ]


def test_nouns_and_owners_without_their_endings() -> None:
    nouns = ("movies", "women", "buses", "classes", "cities", "series", "glass", "status", "ships")
    assert [singular(noun) for noun in nouns] == [
        "movie", "woman", "bus", "class", "city", "series", "glass", "status", "ship",
    ]  # fmt: skip
    assert [without_possessive(word) for word in ("Reed’s", "Reed's", "O’Neill", "yes")] == [
        "Reed", "Reed", "O'Neill", "yes",
    ]  # fmt: skip


def test_stems() -> None:
    assert lemma("wrote") == "write"
    assert lemma("cities") == "city"
    assert stem("directed") == stem("director")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_spans_that_lie_in_it_in_order(text: str) -> None:
    for found in (tokens(text), names(text), dates(text), numbers(text)):
        last = 0
        for span in found:
            assert last <= span.start < span.end <= len(text)
            assert text[span.start : span.end] == span.text
            last = span.end
    last = 0
    for start, end in sentences(text):
        assert last <= start < end <= len(text)
        last = end


@pytest.mark.parametrize(
    "unit", ["a", "A", "Ab ", "1", "1,", '"', "A.", "(", "é" * 3, "A of ", "\n", "*A", "A: "]
)
def test_long_odd_texts_take_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    begin = time.process_time()
    for read in (tokens, names, dates, numbers, sentences):
        read(text)
    assert time.process_time() - begin < 8
