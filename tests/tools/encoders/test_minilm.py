from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
from conformance import TokenEncoderConformance

from kedge.errors import ModelError
from kedge.tools.encoders import MiniLM, TokenEncoder, _minilm, verify_weights


@pytest.fixture(scope="module")
def encoder() -> TokenEncoder:
    return MiniLM()


class TestConformance(TokenEncoderConformance):
    pass


async def test_vectors_are_those_of_the_original(encoder: MiniLM) -> None:
    """First numbers of the fp32 original's vector, and a cosine between two sentences."""
    one, other = await encoder.encode(["This is an example sentence", "Each sentence is converted"])
    original = np.array([0.0677, 0.0635, 0.0487, 0.0793, 0.0375, 0.0027, 0.0394, -0.0071], np.float32)
    np.testing.assert_allclose(one[:8], original, atol=0.015)
    assert one @ other == pytest.approx(0.4336, abs=0.03)


async def test_meaning_decides(encoder: MiniLM) -> None:
    question, answer, other = await encoder.encode(
        [
            "Who wrote the play about the Danish prince?",
            "Hamlet is by Shakespeare.",
            "Bread is made of flour.",
        ]
    )
    assert question @ answer > question @ other + 0.2


async def test_only_the_first_256_word_pieces_count(encoder: MiniLM) -> None:
    long = "anchor " * 300
    cut, whole = await encoder.encode([long, long + "wheat " * 300])
    np.testing.assert_array_equal(cut, whole)
    [tokens] = await encoder.encode_tokens([long])
    assert len(tokens) == 254


def test_nothing_is_loaded_before_it_is_needed() -> None:
    encoder = MiniLM()
    assert encoder.dimension == 384
    assert encoder.fingerprint.startswith("all-MiniLM-L6-v2/")
    assert encoder._loaded is None


async def test_cancelling_stops_before_the_next_batch(
    encoder: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    await encoder.encode(["load"])
    batches = 0

    def slow(*_: object) -> object:
        nonlocal batches
        for _ in range(50):
            batches += 1
            time.sleep(0.02)
            yield [0], np.array([[101, 102]])

    monkeypatch.setattr(_minilm, "_batches", slow)
    task = asyncio.create_task(encoder.encode(["text"]))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stopped = batches
    await asyncio.sleep(0.2)
    assert batches <= stopped + 1 < 50


def test_the_shipped_files_are_the_recorded_ones() -> None:
    verify_weights()
    sums = (_minilm._FOLDER / "SHA256SUMS").read_text().splitlines()
    for line in sums:
        digest, name = line.split()
        assert hashlib.sha256((_minilm._FOLDER / name).read_bytes()).hexdigest() == digest
    assert f"{_minilm._SHA256}  model.onnx" in sums
    assert (_minilm._FOLDER / "model.onnx").stat().st_size == _minilm._BYTES < 30_000_000


async def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = (_minilm._FOLDER / "tokenizer.json").read_bytes()
    monkeypatch.setattr(_minilm, "_FOLDER", tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(tokenizer)
    with pytest.raises(ModelError, match=r"model\.onnx is missing"):
        await MiniLM().encode(["text"])
    (tmp_path / "model.onnx").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="has 9 bytes"):
        await MiniLM().encode(["text"])
