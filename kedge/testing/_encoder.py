"""An encoder without weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from kedge.tools.encoders import FloatArray

__all__ = ["FakeEncoder"]

WORD = re.compile(r"\w+")


class FakeEncoder:
    """A `TokenEncoder` without weights: a text is the sum of its words' hashed vectors.

    Texts that share words are near each other, equal texts are equal, and nothing else is promised.
    `salt` makes encoders whose vectors, and fingerprints, differ.

    Example:
        >>> import asyncio
        >>> texts = ["the red tower", "The red tower!", "a ferry"]
        >>> tower, same, ferry = asyncio.run(FakeEncoder().encode(texts))
        >>> bool(tower @ same > 0.999), bool(tower @ ferry < 0.9)
        (True, True)
    """

    def __init__(self, dimension: int = 64, *, salt: str = "") -> None:
        self._dimension = dimension
        self._salt = salt

    @property
    def fingerprint(self) -> str:
        """Changes with whatever changes the vectors."""
        return f"fake-{self._dimension}-{self._salt}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`."""
        rows = [_unit(self._words(text).sum(axis=0)) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self._dimension)

    async def encode_tokens(self, texts: Sequence[str]) -> list[FloatArray]:
        """For each text its words' vectors, unit length, float32, shape `(words, dimension)`."""
        return [self._words(text) for text in texts]

    def _words(self, text: str) -> FloatArray:
        # A text without words still needs a vector: it is its own single word.
        words = WORD.findall(text.casefold()) or [text]
        return np.stack([self._vector(word) for word in words])

    def _vector(self, word: str) -> FloatArray:
        seed = blake2b(f"{self._salt}\0{word}".encode(), digest_size=8).digest()
        generator = np.random.default_rng(int.from_bytes(seed, "big"))
        return _unit(generator.standard_normal(self._dimension))


def _unit(vector: np.ndarray[tuple[int, ...], np.dtype[np.float64 | np.float32]]) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
