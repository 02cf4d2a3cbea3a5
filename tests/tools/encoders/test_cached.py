from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from conformance import TokenEncoderConformance

from kedge.errors import InputError, StoreError
from kedge.testing import FakeEncoder
from kedge.tools.encoders import CachedEncoder, FloatArray, RemoteEncoder, _cached


class Counting(FakeEncoder):
    """Notes what it was asked."""

    def __init__(self, *, salt: str = "") -> None:
        super().__init__(salt=salt)
        self.asked: list[str] = []

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        self.asked += texts
        return await super().encode([text.encode("utf-8", "replace").decode() for text in texts])

    async def encode_tokens(self, texts: Sequence[str]) -> list[FloatArray]:
        self.asked += texts
        return await super().encode_tokens([text.encode("utf-8", "replace").decode() for text in texts])


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def encoder(tmp_path: Path, counting: Counting) -> Iterator[CachedEncoder]:
    cached = CachedEncoder(counting, tmp_path / "cache" / "vectors.db", token_bytes=20_000_000)
    yield cached
    cached.close()


class TestConformance(TokenEncoderConformance):
    pass


async def test_a_text_is_encoded_once(encoder: CachedEncoder, counting: Counting, tmp_path: Path) -> None:
    first = await encoder.encode(["one", "two", "one"])
    assert counting.asked == ["one", "two"]
    again = Counting()
    other = CachedEncoder(again, tmp_path / "cache" / "vectors.db")
    np.testing.assert_array_equal(await other.encode(["one", "two", "one"]), first)
    other.close()
    assert again.asked == []


async def test_encoders_do_not_share_vectors(encoder: CachedEncoder, tmp_path: Path) -> None:
    salted = Counting(salt="other")
    other = CachedEncoder(salted, tmp_path / "cache" / "vectors.db")
    [one], [two] = await encoder.encode(["text"]), await other.encode(["text"])
    other.close()
    assert salted.asked == ["text"]
    assert one @ two < 0.99


async def test_long_lists_are_looked_up_in_parts(encoder: CachedEncoder, counting: Counting) -> None:
    texts = [f"text {i}" for i in range(_cached._LOOKUP * 2 + 1)]
    np.testing.assert_array_equal(await encoder.encode(texts), await encoder.encode(texts))
    assert len(counting.asked) == len(texts)


async def test_the_least_recently_used_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(_cached.time, "time", lambda: now)
    counting = Counting()
    encoder = CachedEncoder(counting, tmp_path / "vectors.db", max_texts=10)
    for i in range(10):
        await encoder.encode([f"text {i}"])
        now += 2 * _cached._HOUR
    await encoder.encode(["text 0"])
    await encoder.encode(["new"])
    counting.asked.clear()
    await encoder.encode(["text 0", "new", "text 9"])
    assert counting.asked == []
    await encoder.encode(["text 1"])
    assert counting.asked == ["text 1"]
    encoder.close()


async def test_token_vectors_are_kept_in_bounded_memory(tmp_path: Path) -> None:
    counting = Counting()
    encoder = CachedEncoder(counting, tmp_path / "vectors.db", token_bytes=64 * 4 * 3)
    await encoder.encode_tokens(["one two", "one two"])
    await encoder.encode_tokens(["one two"])
    assert counting.asked == ["one two"]
    await encoder.encode_tokens(["three four"])
    await encoder.encode_tokens(["one two"])
    assert counting.asked == ["one two", "three four", "one two"]


async def test_token_vectors_need_an_encoder_that_has_them(tmp_path: Path) -> None:
    remote = RemoteEncoder("http://127.0.0.1:1/v1", "tiny", 8)
    with pytest.raises(InputError, match="gives no token vectors"):
        await CachedEncoder(remote, tmp_path / "vectors.db").encode_tokens(["text"])


async def test_a_file_that_is_no_cache_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vectors.db"
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StoreError, match=r"vectors\.db cannot be used.*delete the file"):
        await CachedEncoder(FakeEncoder(), path).encode(["text"])


def test_processes_may_share_the_file(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from kedge.testing import FakeEncoder\n"
        "from kedge.tools.encoders import CachedEncoder\n"
        "async def main():\n"
        "    for i in range(40):\n"
        "        texts = [f'{i} {j}' for j in range(9)]\n"
        "        await CachedEncoder(FakeEncoder(), sys.argv[1]).encode(texts)\n"
        "asyncio.run(main())"
    )
    path = tmp_path / "vectors.db"
    command = [sys.executable, "-c", script, str(path)]
    root = str(Path(__file__).parents[3])
    running = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in running] == [b"", b"", b""]
    counting = Counting()
    encoder = CachedEncoder(counting, path)
    asyncio.run(encoder.encode([f"{i} {j}" for i in range(40) for j in range(9)]))
    encoder.close()
    assert counting.asked == []
