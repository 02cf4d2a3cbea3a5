from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kedge.errors import StoreError
from kedge.testing import FakeEncoder
from kedge.tools.encoders import FloatArray, KeptVectors


class Counting(FakeEncoder):
    def __init__(self, *, salt: str = "") -> None:
        super().__init__(salt=salt)
        self.encoded: list[str] = []

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        self.encoded += texts
        return await super().encode(texts)


def file_in(folder: Path) -> Path:
    [file] = folder.glob("vectors-*[!k]")
    return file


async def test_a_text_is_encoded_once_also_after_a_restart(tmp_path: Path) -> None:
    encoder = Counting()
    texts = ["Heat", "directed by", "Heat", "東京", ""]
    expected = await FakeEncoder().encode(texts)
    for kept in (KeptVectors(encoder, tmp_path), KeptVectors(encoder, tmp_path)):
        assert np.array_equal(await kept.encode(texts), expected)
    assert sorted(encoder.encoded) == sorted({*texts})
    assert (await kept.encode([])).shape == (0, 64)


async def test_the_file_grows_by_what_is_new_and_by_nothing_else(tmp_path: Path) -> None:
    kept = KeptVectors(Counting(), tmp_path)
    await kept.encode([f"e{n}" for n in range(1_000)])
    file = file_in(tmp_path)
    before = file.read_bytes()
    await kept.encode(["e5", "new"])
    after = file.read_bytes()
    assert after.startswith(before)
    assert len(after) - len(before) == 16 + 64 * 4


async def test_what_a_killed_process_left_unfinished_is_written_over(tmp_path: Path) -> None:
    await KeptVectors(Counting(), tmp_path).encode(["a", "b"])
    file = file_in(tmp_path)
    file.write_bytes(file.read_bytes()[:-7])
    kept = KeptVectors(Counting(), tmp_path)
    assert len(kept) == 1
    expected = await FakeEncoder().encode(["b", "c", "a"])
    assert np.array_equal(await kept.encode(["b", "c", "a"]), expected)
    assert np.array_equal(await KeptVectors(Counting(), tmp_path).encode(["b", "c", "a"]), expected)


async def test_many_may_share_a_file_and_encoders_do_not(tmp_path: Path) -> None:
    one, other = KeptVectors(Counting(), tmp_path), KeptVectors(Counting(), tmp_path)
    texts = [[f"e{(7 * n + m) % 40}" for m in range(5)] for n in range(30)]
    results = await asyncio.gather(*(kept.encode(part) for part in texts for kept in (one, other)))
    for at, part in enumerate(texts):
        expected = await FakeEncoder().encode(part)
        assert np.array_equal(results[2 * at], expected)
        assert np.array_equal(results[2 * at + 1], expected)
    salted = await KeptVectors(Counting(salt="x"), tmp_path).encode(["e1"])
    assert not np.array_equal(salted, await one.encode(["e1"]))


async def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        KeptVectors(FakeEncoder(), tmp_path / "file" / "below")
