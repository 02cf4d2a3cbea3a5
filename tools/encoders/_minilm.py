"""The encoder that ships with Kedge: all-MiniLM-L6-v2 on onnxruntime, int8, no torch, no network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

import numpy as np
from tokenizers import Tokenizer

from kedge.tools.encoders._onnx import FOLDER, Ids, checked, damaged, grouped, session, spread, usable_cpus
from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.encoders._text import clipped

__all__ = ["MiniLM", "verify_weights"]

# Written by scripts/make_encoder.py; the tests compare them with the files.
_SHA256 = "392e510a32e87be79654d1bf6250e46e60128aad34c9757a771e5d3d2935a1af"
_BYTES = 23105985
_FOLDER = FOLDER
_DIMENSION = 384
_MAX_TOKENS = 256
# 256 word pieces never need more of ordinary text; it bounds the work on a text that is one huge line.
_MAX_CHARACTERS = 16_384

_Output: TypeAlias = Literal["sentences", "tokens"]


class MiniLM:
    """Sentence and token vectors of all-MiniLM-L6-v2: 384 numbers, the first 256 word pieces of a text.

    The model is loaded by the first call, in a worker thread, where all encoding happens. A cancelled call
    stops before its next batch of some 512 word pieces. One instance serves any number of threads and event
    loops.

    Args:
        threads: Batches of one call that are encoded at the same time, each by one CPU thread; by default as
            many as there are CPUs for this process, at most eight.

    Raises:
        ModelError: by the first call, when the weights are missing or cut short.

    Example:
        >>> import asyncio
        >>> vectors = asyncio.run(MiniLM().encode(["a light anchor", "a kedge", "stock prices"]))
        >>> vectors.shape, bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
        ((3, 384), True)
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or min(8, usable_cpus())
        self._lock = Lock()
        self._loaded: tuple[Tokenizer, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """The name of the model and the start of its checksum."""
        return f"all-MiniLM-L6-v2/{_SHA256[:12]}"

    @property
    def dimension(self) -> int:
        """384."""
        return _DIMENSION

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), 384)`."""
        vectors = np.empty((len(texts), _DIMENSION), np.float32)

        def keep(rows: list[int], ids: Ids, batch: FloatArray) -> None:
            vectors[rows] = batch

        await self._run(texts, "sentences", keep)
        return vectors

    async def encode_tokens(self, texts: Sequence[str]) -> list[FloatArray]:
        """For each text the vectors of its word pieces, unit length, float32, shape `(tokens, 384)`.

        The marks of beginning and end are left out, so an empty text has no rows.
        """
        vectors: list[FloatArray] = [np.empty((0, _DIMENSION), np.float32)] * len(texts)

        def keep(rows: list[int], ids: Ids, batch: FloatArray) -> None:
            for row, length, tokens in zip(rows, np.count_nonzero(ids, axis=1), batch, strict=True):
                vectors[row] = tokens[1 : length - 1].copy()

        await self._run(texts, "tokens", keep)
        return vectors

    async def _run(
        self, texts: Sequence[str], output: _Output, keep: Callable[[list[int], Ids, FloatArray], None]
    ) -> None:
        if not texts:
            return
        workers = min(self._threads, len(texts))

        def work(batch: tuple[list[int], Ids]) -> None:
            rows, ids = batch
            keep(rows, ids, self._load()[1].run([output], {"ids": ids})[0])

        await spread(lambda: _batches(self._load()[0], texts, workers), work, workers)

    def _load(self) -> tuple[Tokenizer, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _tokenizer(), session(_model_path())
            return self._loaded


def verify_weights() -> None:
    """Compares the checksum of the shipped model with the recorded one (reads the whole file: about 20 ms).

    Raises:
        ModelError: when the file is missing or differs.
    """
    with _model_path().open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != _SHA256:
            raise damaged(_FOLDER / "model.onnx", "differs from the recorded checksum")


def _batches(tokenizer: Tokenizer, texts: Sequence[str], workers: int) -> Iterator[tuple[list[int], Ids]]:
    """Texts of like length together, as word-piece ids."""
    encodings = tokenizer.encode_batch_fast([clipped(text, _MAX_CHARACTERS) for text in texts])
    return grouped([encoding.ids for encoding in encodings], workers)


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(_FOLDER / "tokenizer.json"))
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _model_path() -> Path:
    return checked(_FOLDER / "model.onnx", _BYTES)
