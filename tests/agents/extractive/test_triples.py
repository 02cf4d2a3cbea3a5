from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.agents.extractive.triples import extract
from kedge.tools.knowledge_base.records import BlockKind, Chunk


def _chunk(text: str, title: str = "", heading: str = "", kind: BlockKind = "paragraph") -> Chunk:
    return Chunk(1, "d", "s", title, heading, text, 0, len(text), kind)


def _triples(
    text: str, title: str = "", heading: str = "", kind: BlockKind = "paragraph"
) -> set[tuple[str, str, str]]:
    return {(t.subject, t.relation, t.object) for t in extract(_chunk(text, title, heading, kind)).triples}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mara Quint was born in Lisbon on 4 May 1961.", ("Mara Quint", "born in", "Lisbon")),
        ("Mara Quint was born in Lisbon on 4 May 1961.", ("Mara Quint", "born on", "4 May 1961")),
        ("Mara Quint (born 4 May 1961) sings.", ("Mara Quint", "born on", "4 May 1961")),
        ("Mara Quint is a Portuguese novelist.", ("Mara Quint", "country", "Portugal")),
        ("Mara Quint is a Portuguese novelist and essayist.", ("Mara Quint", "is", "essayist")),
        ("Tarn is the capital of Arven.", ("Tarn", "capital of", "Arven")),
        ("The capital of Arven is Tarn.", ("Arven", "capital", "Tarn")),
        ("Ben Holt was the son of Ada Holt and Max Holt.", ("Ben Holt", "son of", "Max Holt")),
        ("Mara Quint's husband, Rui Salgado, wrote plays.", ("Mara Quint", "husband", "Rui Salgado")),
        ("Ana Ruiz married Tom Reed in 1960.", ("Ana Ruiz", "marry", "Tom Reed")),
        ("Ana Ruiz moved to Lynn and worked at Helios.", ("Ana Ruiz", "work at", "Helios")),
        ("Born in Lynn, Ana Ruiz studied at Tarn College.", ("Ana Ruiz", "born in", "Lynn")),
        ("In 1953 Ana Ruiz joined Helios.", ("Ana Ruiz", "join in", "1953")),
        ("Arven was founded by Osric Tarn.", ("Arven", "founded by", "Osric Tarn")),
        ("They met the novelist Mara Quint there.", ("Mara Quint", "is", "novelist")),
        ("The last king of Arven, Osric Tarn, died in 1530.", ("Arven", "king", "Osric Tarn")),
    ],
)
def test_patterns_of_prose(text: str, expected: tuple[str, str, str]) -> None:
    assert expected in _triples(text)


def test_reduced_relative_clauses_belong_to_the_film() -> None:
    found = _triples(
        "Loose Threads is a 1960 American film directed by Ana Ruiz, written by Tom Reed and Ben Holt, "
        "and starring Mara Quint. It was released by Helios Films.",
        "Loose Threads",
    )
    assert {
        ("Loose Threads", "is", "film"),
        ("Loose Threads", "released in", "1960"),
        ("Loose Threads", "country", "United States"),
        ("Loose Threads", "directed by", "Ana Ruiz"),
        ("Loose Threads", "written by", "Ben Holt"),
        ("Loose Threads", "star", "Mara Quint"),
        ("Loose Threads", "released by", "Helios Films"),
    } <= found


def test_pronouns_go_back_to_the_title_and_short_names_to_long_ones() -> None:
    found = _triples(
        "Mara Jane Quint (1912–1990) was a novelist. She lived in Porto. Quint married Rui Salgado.",
        "Mara Quint",
    )
    assert ("Mara Quint", "live in", "Porto") in found
    assert ("Mara Quint", "marry", "Rui Salgado") in found
    assert ("Mara Quint", "also known as", "Mara Jane Quint") in found
    assert ("Mara Quint", "born in", "1912") in found
    assert ("Mara Quint", "died in", "1990") in found


@pytest.mark.parametrize(
    "text",
    [
        "Ana Ruiz did not marry Tom Reed.",
        "Ana Ruiz might join Helios.",
        "Did Ana Ruiz join Helios?",
        "If Ana Ruiz would join Helios, nobody cared.",
        "Ana Ruiz is believed to like Helios.",
        "Helios is free.",
    ],
)
def test_what_is_not_said_to_be_so_gives_no_triple(text: str) -> None:
    assert not _triples(text)


def test_a_wish_is_kept_as_a_wish() -> None:
    assert _triples("Ana Ruiz wants to visit Lynn.") <= {("Ana Ruiz", "want to visit", "Lynn")}


def test_tables_lists_and_headings() -> None:
    rows = "Name: Ada | Role: Engineer | City: Lynn\nName: Tom | Role: | City: Veldt"
    assert _triples(rows, kind="table") == {
        ("Ada", "role", "Engineer"),
        ("Ada", "city", "Lynn"),
        ("Tom", "city", "Veldt"),
    }
    listed = _triples(
        "- Weight: 12 kg\n- **Colours**: Red, Blue and Green", "K2 Pump", "Specifications", "list"
    )
    assert {("K2 Pump", "weight", "12 kg"), ("K2 Pump", "colours", "Green")} <= listed


def test_chat_lines_speak_for_their_speaker() -> None:
    found = _triples(
        "LiHua: Hi Tom, I moved to Berlin!\nTom: I live in Hamburg. My sister Anna works at Helios."
    )
    assert {
        ("LiHua", "move to", "Berlin"),
        ("Tom", "live in", "Hamburg"),
        ("Tom", "sister", "Anna"),
        ("Anna", "work at", "Helios"),
    } <= found
    assert not any("Hi" in part for triple in found for part in triple)
    assert not _triples("Tom: I’ve got it! Looking forward to it, Ana! It is a blast! You agree?")


def test_mentions_hold_title_names_and_dates() -> None:
    mentions = extract(_chunk("She met Tom Reed in 1912.", "Mara Quint (novelist)")).mentions
    assert {"Mara Quint (novelist)", "Mara Quint", "Tom Reed", "1912"} <= set(mentions)


def test_code_is_left_alone() -> None:
    assert extract(_chunk("class Foo(Bar): pass", kind="code")).triples == ()


def test_a_file_name_is_no_entity() -> None:
    assert not any("notes" in t[0] for t in _triples("It was built in 1912.", "notes_v2.md"))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.text(max_size=30), st.sampled_from(["paragraph", "table", "list"]))
def test_any_text_gives_complete_triples(text: str, title: str, kind: BlockKind) -> None:
    for triple in extract(_chunk(text, title, "", kind)).triples:
        assert triple.subject.strip()
        assert triple.relation.strip()
        assert triple.object.strip()
        assert 0 < triple.confidence <= 1


_WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "Ada Lynn 1912 the a of was born in and who his he is by to 3 film named not wife's , . ( ) ; : -",
    )
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_WORDS, max_size=40))
def test_any_order_of_words_is_read(words: list[str]) -> None:
    extract(_chunk(" ".join(words), "Ada Lynn"))


@pytest.mark.parametrize(
    "unit", ["a", "A", "Ada was ", "(", "Ada, ", '"', "A | B: c\n", "A: b\n", "Ada of ", "the "]
)
def test_long_odd_texts_take_bounded_time(unit: str) -> None:
    begin = time.process_time()
    extract(_chunk(unit * (100_000 // len(unit)), "Ada"))
    assert time.process_time() - begin < 8
