from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from kedge.errors import ModelError
from kedge.tools.encoders import MiniReader, PassageReading, _onnx, _reader, verify_reader

BELL = "The bell of Hesk was cast in 1804 by Anders Falk. It weighs 612 kg and hangs in the east tower."
FILLER = "The harbour wall was mended again that spring, and nobody wrote down what it had cost. " * 12


@pytest.fixture(scope="module")
def reader() -> MiniReader:
    return MiniReader()


def best(reading: PassageReading, text: str) -> str:
    phrase = next(phrase for phrase in reading.phrases if not phrase.in_title)
    return text[phrase.start : phrase.end]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was the bell of Hesk cast?", "1804"),
        ("Who cast the bell of Hesk?", "Anders Falk"),
        ("How much does the bell weigh?", "612 kg"),
    ],
)
async def test_reads_spans(reader: MiniReader, question: str, answer: str) -> None:
    [reading] = await reader.read(question, [("Hesk", BELL)])
    assert best(reading, BELL) == answer


async def test_a_passage_that_answers_is_surer_than_one_that_does_not(reader: MiniReader) -> None:
    right, wrong = await reader.read("When was the bell of Hesk cast?", [("Hesk", BELL), ("Harbour", FILLER)])
    assert right.phrases[0].score > wrong.phrases[0].score + 1.0
    assert right.relevant > wrong.relevant
    assert [p.score for p in right.phrases] == sorted((p.score for p in right.phrases), reverse=True)


async def test_an_answer_far_inside_a_long_text_is_found(reader: MiniReader) -> None:
    text = FILLER * 6 + BELL + FILLER * 6
    [reading] = await reader.read("When was the bell of Hesk cast?", [("Hesk", text)])
    assert best(reading, text) == "1804"


async def test_a_passage_is_read_alike_alone_and_among_others(reader: MiniReader) -> None:
    others = [("", FILLER[:n]) for n in (0, 40, 300, 900)]
    [alone] = await reader.read("When was the bell cast?", [("Hesk", BELL)])
    *_, among = await reader.read("When was the bell cast?", [*others, ("Hesk", BELL)])
    np.testing.assert_allclose([p.score for p in among.phrases], [p.score for p in alone.phrases], atol=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "Das Schiff wurde 1912 in Kiel gebaut. 船は1912年に建造された。" * 40,
        "def sail(x):\n    return x * 2\n" * 50,
        "a: 1 | b: 2\n" * 100,
        "word" * 25_000,
        "\x00\ufffd\u202e 🎣 " * 200,
    ],
)
async def test_any_text_is_survived(reader: MiniReader, text: str) -> None:
    [reading] = await reader.read("When was the ship built?", [("", text)])
    for phrase in reading.phrases:
        assert 0 <= phrase.start < phrase.end <= len(text)
        assert np.isfinite(phrase.score)
    assert 0.0 <= reading.relevant <= 1.0


async def test_nothing_to_read(reader: MiniReader) -> None:
    assert await reader.read("When?", []) == []
    [reading] = await reader.read("", [("", "")])
    assert reading.phrases == ()


def test_windows_cover_every_word_piece_of_a_text(reader: MiniReader) -> None:
    text = " ".join(f"w{n}" for n in range(900))
    windows = list(_reader._windows(reader._load()[0], "Which?", [("T", text)]))
    covered = {place for window in windows for place in window.texts}
    assert all(any(a <= at < b for a, b in covered) for at, letter in enumerate(text) if letter != " ")
    assert all(len(window.ids) <= _reader._WINDOW for window in windows)


def test_the_shipped_file_is_the_recorded_one_and_small() -> None:
    verify_reader()
    record = _reader._record()
    model = _onnx.FOLDER / "reader.onnx"
    assert hashlib.sha256(model.read_bytes()).hexdigest() == record.sha256
    assert model.stat().st_size + (_onnx.FOLDER / "model.onnx").stat().st_size < 35_000_000


async def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tokenizer.json", "reader.json"):
        shutil.copy(_onnx.FOLDER / name, tmp_path)
    monkeypatch.setattr(_reader, "FOLDER", tmp_path)
    with pytest.raises(ModelError, match=r"reader\.onnx is missing"):
        await MiniReader().read("When?", [("", "text")])
    (tmp_path / "reader.onnx").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="has 9 bytes"):
        await MiniReader().read("When?", [("", "text")])


async def test_what_was_read_is_not_read_again(reader: MiniReader, monkeypatch: pytest.MonkeyPatch) -> None:
    question, first, second = "Who wound the clock?", ("Hesk", BELL), ("Harbour", FILLER)
    before = await reader.read(question, [first])
    read: list[tuple[str, str]] = []
    own = reader._read

    async def watched(question: str, passages: list[tuple[str, str]]) -> list[PassageReading]:
        read.extend(passages)
        return await own(question, passages)

    monkeypatch.setattr(reader, "_read", watched)
    again = await reader.read(question, [second, first, second])
    assert read == [second]
    assert again[1] == before[0]
    assert again[0] == again[2]
    await reader.read("Who cast it?", [first])
    assert read == [second, first], "another question is read anew"
