"""Vectors of names and triples, kept in one memory-mapped file that only ever grows."""

from __future__ import annotations

import asyncio
import hashlib
import mmap
from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import Final

import numpy as np
from filelock import FileLock

from kedge.errors import StoreError
from kedge.tools.encoders._protocol import Encoder, FloatArray

__all__ = ["KeptVectors"]

_DIGEST: Final = 16
_MOST: Final = 1_000_000  # texts that are kept; what comes later is encoded each time


class KeptVectors:
    """An encoder that encodes each text once, whoever asks, also after a restart.

    The file holds one record for each text, a hash of it and its vector. New ones are written behind the
    others, so that a document costs what its own names and relations cost. A record that a killed process
    left unfinished is written over. Several processes may share a file.

    Args:
        encoder: What turns texts into vectors.
        folder: Where the file is kept; one file for each fingerprint.

    Raises:
        StoreError: The file cannot be read or written.

    Example:
        >>> from kedge.testing import FakeEncoder
        >>> kept = KeptVectors(FakeEncoder(), tmp)
        >>> first = asyncio.run(kept.encode(["directed by", "Heat", "directed by"]))
        >>> len(kept), len(KeptVectors(FakeEncoder(), tmp)), bool((first[0] == first[2]).all())
        (2, 2, True)
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        name = hashlib.blake2b(encoder.fingerprint.encode(), digest_size=8).hexdigest()
        self._encoder = encoder
        self._file = folder / f"vectors-{name}"
        self._record = np.dtype([("text", f"V{_DIGEST}"), ("vector", np.float32, (encoder.dimension,))])
        self._lock = RLock()
        self._rows: dict[bytes, int] = {}
        self._read = 0
        self._matrix = np.zeros(0, self._record)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._follow()
        except OSError as error:
            raise StoreError(f"{self._file}: {error.strerror}", fix="is the disk readable?") from error

    def __len__(self) -> int:
        return self._read

    @property
    def fingerprint(self) -> str:
        """That of the encoder."""
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`; new texts are encoded and kept."""
        digests = [
            hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST).digest()
            for text in texts
        ]
        with self._lock:
            self._follow()
        unknown = {
            digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._rows
        }
        fresh: dict[bytes, FloatArray] = {}
        if unknown:
            vectors = await self._encoder.encode(list(unknown.values()))
            fresh = dict(zip(unknown, vectors, strict=True))
            await asyncio.to_thread(self._keep, fresh)
        with self._lock:
            rows, matrix = self._rows, self._matrix["vector"]
            found = [fresh[digest] if digest in fresh else matrix[rows[digest]] for digest in digests]
        return np.array(found, np.float32).reshape(len(texts), self.dimension)

    def _keep(self, fresh: dict[bytes, FloatArray]) -> None:
        try:
            with self._lock, FileLock(f"{self._file}.lock"):
                self._follow()
                new = [digest for digest in fresh if digest not in self._rows][: max(0, _MOST - self._read)]
                records = np.zeros(len(new), self._record)
                records["text"] = np.array([np.void(digest) for digest in new], f"V{_DIGEST}")
                records["vector"] = np.array([fresh[digest] for digest in new]).reshape(
                    len(new), self.dimension
                )
                with self._file.open("r+b") as file:
                    file.seek(self._read * self._record.itemsize)
                    file.write(records.tobytes())
                self._follow()
        except OSError as error:
            raise StoreError(f"{self._file}: {error.strerror}", fix="is the disk full?") from error

    def _follow(self) -> None:
        """Map what has been written since the last time, by whomever."""
        self._file.touch()
        with self._file.open("rb") as file:
            count = self._file.stat().st_size // self._record.itemsize
            if count == self._read:
                return
            mapped = mmap.mmap(file.fileno(), count * self._record.itemsize, access=mmap.ACCESS_READ)
        self._matrix = np.frombuffer(mapped, self._record)
        for row, digest in enumerate(self._matrix["text"][self._read :].tolist(), start=self._read):
            self._rows.setdefault(digest, row)
        self._read = count
