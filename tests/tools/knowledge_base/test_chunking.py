from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import LoadError
from kedge.tools.knowledge_base.chunking import MAX_CHARACTERS, WHOLE, Piece, chunk, sentences
from kedge.tools.knowledge_base.loaders import load, load_text
from kedge.tools.knowledge_base.records import Block, ParsedDocument

DATA = Path(os.environ.get("KEDGE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def parsed(text: str, kind: str = "text") -> ParsedDocument:
    [document] = load_text(text, kind=kind)  # type: ignore[arg-type]
    assert isinstance(document, ParsedDocument)
    return document


def texts(document: ParsedDocument, pieces: list[Piece]) -> list[str]:
    return [document.text[piece.start : piece.end] for piece in pieces]


def check(document: ParsedDocument, pieces: list[Piece], limit: int) -> None:
    """What must hold for every document whatsoever."""
    covered = bytearray(len(document.text))
    reached = 0
    for piece in pieces:
        text = document.text[piece.start : piece.end]
        assert text
        assert text == text.strip()
        assert piece.start >= reached
        assert len(text) <= limit
        reached = piece.end
        covered[piece.start : piece.end] = b"\1" * len(text)
    for block in document.blocks:
        for position in range(block.start, block.end):
            assert covered[position] or document.text[position].isspace()


@pytest.mark.parametrize(
    "expected",
    [
        ["It rained.", "We stayed in."],
        ["Dr. J. K. Ray met Mr. Fox at St. Mary's.", "They talked."],
        ["He left the U.S. in 1854.", "He came back."],
        ["He lived in the U.S.", "The house still stands."],
        ["The U.S. Army came at 5 p.m. on Monday.", "It left."],
        ["It costs 3.50 in all.", "That is cheap."],
        ["Pi is 3.", "14 is not."],
        ['"Why?" he asked.', '"Because," she said, "it is late."', "He went."],
        ["He wondered... and then left.", "The door closed…", "Silence."],
        ["Yahoo! was bought.", "Really?!", "Yes!"],
        ["See Fig. 3 and e.g. Smith et al. (1999).", "It shows it."],
        ["He was born in Rome.[1]", "He died there.[2]"],
        ["今日は雨です。", "「本当？」", "はい！"],
        ["Acme Inc. was sold.", "Acme Inc.", "It was founded by John Smith Jr. in 1900."],
        ["(It was late.)", "He slept."],
        ["Robert, a.k.a. The Bruce, won at 5 p.m.", "The day was his."],
        ["1. Take the rope.", "2. Haul."],
        ["Martin Luther King Jr. spoke.", "I. M. Pei built it."],
    ],
)
def test_sentences_end_where_a_reader_says(expected: list[str]) -> None:
    glue = "" if "今" in expected[0] else " "
    assert split(glue.join(expected)) == expected


def test_a_newline_ends_a_line_of_chat_but_not_a_wrapped_line() -> None:
    assert split("Time: 20260408\nAlice: the bread is here\nBob: thanks") == [
        "Time: 20260408",
        "Alice: the bread is here",
        "Bob: thanks",
    ]
    wrapped = "The harbour of the old town was dug out by hand in the years before\nRaymond Fox came to it."
    assert split(wrapped) == [wrapped]


@pytest.mark.parametrize(
    "text",
    [
        "." * 200_000,
        ".) " * 70_000,
        "a" * 300_000,
        "A. " * 70_000,
        "\n " * 100_000 + "x",
        "!" * 9 + "'" * 200_000,
    ],
)
def test_sentences_take_linear_time_on_hostile_text(text: str) -> None:
    began = time.process_time()
    sentences(text)
    assert time.process_time() - began < 2.0


@settings(deadline=None)
@given(st.text(max_size=300))
def test_sentences_cover_any_text_in_order(text: str) -> None:
    reached = 0
    for start, end in sentences(text):
        assert not text[reached:start].strip()
        assert text[start:end] == text[start:end].strip() != ""
        reached = end
    assert not text[reached:].strip()


_ALPHABET = st.sampled_from("ab Z.!?\n\t。…é\u0301\U0001f600\u3000\"'(1-")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["paragraph", "heading", "list", "table", "code", "image"]),
            st.text(_ALPHABET | st.characters(), min_size=1, max_size=120),
            st.integers(1, 3),
        ),
        max_size=8,
    ),
    st.integers(1, 80),
)
def test_pieces_cover_any_document_in_order(parts: list[tuple[str, str, int]], limit: int) -> None:
    text = ""
    blocks = []
    for kind, body, number in parts:
        text += "\n\n"
        level = number if kind == "heading" else 0
        blocks.append(Block(kind, len(text), len(text) + len(body), page=number, level=level))  # type: ignore[arg-type]
        text += body
    document = ParsedDocument("s", "s", "t", text, "text", tuple(blocks))
    check(document, chunk(document, max_characters=limit, whole=0), limit)
    check(document, chunk(document, max_characters=limit, whole=200), max(limit, 200))


def test_pieces_never_cross_headings_and_know_their_path() -> None:
    document = parsed(
        "# A\n\nOne.\n\n## B\n\nTwo.\n\n## C\n\n### D\n\nThree.\n\n# E\n\n# F\n\nFour.", "markdown"
    )
    pieces = chunk(document)
    assert texts(document, pieces) == ["A\n\nOne.", "B\n\nTwo.", "C\n\nD\n\nThree.", "E", "F\n\nFour."]
    assert [piece.heading for piece in pieces] == ["", "A", "A", "", ""]


def test_later_pieces_of_a_section_carry_its_own_heading() -> None:
    document = parsed("# A\n\n## B\n\n" + "A short sentence here. " * 100, "markdown")
    first, *others = chunk(document)
    assert first.heading == ""
    assert {piece.heading for piece in others} == {"A > B"}


def test_pieces_never_cross_pages() -> None:
    blocks = (Block("paragraph", 0, 4, page=1), Block("paragraph", 6, 10, page=2))
    document = ParsedDocument("s", "s", "t", "One.\n\nTwo.", "pdf", blocks)
    assert [(piece.start, piece.end, piece.page) for piece in chunk(document)] == [(0, 4, 1), (6, 10, 2)]


def test_short_paragraphs_share_a_piece_and_a_short_document_is_one() -> None:
    document = parsed("One. Two.\n\nThree.\n\nFour!")
    assert texts(document, chunk(document)) == [document.text]


def test_a_passage_stays_whole_up_to_its_own_limit() -> None:
    sentence = "The tide turned at noon and the ship went out. "
    whole = parsed((sentence * 40)[:WHOLE].strip())
    assert len(whole.text) > MAX_CHARACTERS
    assert len(chunk(whole)) == 1
    longer = parsed(sentence * 40)
    pieces = chunk(longer)
    assert len(pieces) == 2
    check(longer, pieces, MAX_CHARACTERS)


def test_long_prose_is_cut_after_sentences_into_equal_pieces() -> None:
    document = parsed(" ".join(f"This is sentence number {i} of a long paragraph." for i in range(100)))
    pieces = chunk(document)
    lengths = [piece.end - piece.start for piece in pieces]
    assert all(text.endswith(".") for text in texts(document, pieces))
    assert max(lengths) <= MAX_CHARACTERS
    assert min(lengths) > 0.75 * max(lengths)


def test_an_utterance_is_not_parted_from_its_speaker() -> None:
    names = ("Alice", "Bob")
    document = parsed("\n".join(f"{names[i % 2]}: I saw it. It was number {i}. Did you?" for i in range(100)))
    pieces = chunk(document)
    check(document, pieces, MAX_CHARACTERS)
    assert len(pieces) > 3
    assert all(text.startswith(names) and text.endswith("Did you?") for text in texts(document, pieces))


def test_tables_are_cut_between_rows_and_kept_apart_from_prose() -> None:
    rows = "\n".join(f"| harbour {i} | {i} metres deep |" for i in range(80))
    document = parsed(f"Depths.\n\n| name | depth |\n|---|---|\n{rows}\n\nThe end.", "markdown")
    pieces = chunk(document)
    assert [piece.kind for piece in pieces] == ["paragraph", *["table"] * (len(pieces) - 2), "paragraph"]
    lines = [line for text in texts(document, pieces[1:-1]) for line in text.split("\n")]
    assert lines == [f"name: harbour {i} | depth: {i} metres deep" for i in range(80)]


def test_a_sentence_that_is_too_long_is_cut_at_white_space() -> None:
    document = parsed("word " * 1_000 + "x" * 2_500)
    pieces = chunk(document)
    check(document, pieces, MAX_CHARACTERS)
    assert all(set(text) <= {"w", "o", "r", "d", " ", "x"} for text in texts(document, pieces))
    assert not any(text.endswith("wor") for text in texts(document, pieces))


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        chunk(parsed("x"), max_characters=0)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no development data at {DATA}")
@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("multihop_qa/distractors/2wiki_corpus_6119.json", 6_119),
        ("multihop_qa/hotpot500/corpus.jsonl", 4_937),
        ("multihop_qa/2wiki500/corpus.jsonl", 3_350),
        ("multihop_qa/musique100/corpus.json", 1_890),
    ],
)
def test_the_passages_of_benchmarks_stay_whole_and_load_fast(file: str, rows: int) -> None:
    list(load_text(json.dumps([{"text": "warm up"}]), kind="json"))
    began = time.process_time()
    documents = list(load(DATA / file))
    pieces = [chunk(document) for document in documents if isinstance(document, ParsedDocument)]
    seconds = time.process_time() - began
    assert not [document for document in documents if isinstance(document, LoadError)]
    assert len(pieces) == rows
    assert sum(len(of_one) == 1 for of_one in pieces) >= 0.95 * rows
    assert seconds < 1.0
