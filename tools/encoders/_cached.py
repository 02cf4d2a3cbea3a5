"""A persistent cache in front of any encoder: a text is encoded once, whatever knowledge base it is in."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Lock

import numpy as np

from kedge.errors import InputError, StoreError
from kedge.tools.encoders._protocol import Encoder, FloatArray, TokenEncoder

__all__ = ["CachedEncoder"]

_LOOKUP = 500
_BUSY_SECONDS = 30.0
_HOUR = 3600
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used);
"""


class CachedEncoder:
    """The same vectors as `encoder`, bit for bit, kept in a SQLite file.

    Vectors are kept as float32: half the size would change them, and with them the order of near ties.
    Any number of threads, event loops and processes may share the file, and any number of encoders, since
    the fingerprint is part of the key. The file is bounded: now and then, the texts not used for longest go.

    Token vectors are a hundred times larger and are wanted again within minutes or never (a loop reranks
    the same passages round after round), so they are kept in memory only, up to `token_bytes`.

    Args:
        encoder: What makes the vectors that are missing.
        path: The file; made, with its folder, by the first call.
        max_texts: Bound of the file, in texts (384 dimensions take about 1.7 kB each).
        token_bytes: Bound of the token vectors in memory.

    Raises:
        StoreError: by any call, when the file cannot be used.

    Example:
        >>> import asyncio, tempfile
        >>> from kedge.tools.encoders import MiniLM
        >>> encoder = CachedEncoder(MiniLM(), Path(tempfile.mkdtemp(), "vectors.db"))
        >>> asyncio.run(encoder.encode(["one", "two", "one"])).shape
        (3, 384)
        >>> encoder.close()
    """

    def __init__(
        self, encoder: Encoder, path: str | Path, *, max_texts: int = 200_000, token_bytes: int = 64_000_000
    ) -> None:
        self._encoder = encoder
        self._path = Path(path)
        self._max_texts = max_texts
        self._until_eviction = 0
        self._lock = Lock()
        self._opened: sqlite3.Connection | None = None
        self._tokens = _TokenCache(token_bytes)

    @property
    def fingerprint(self) -> str:
        """That of the encoder behind."""
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        """That of the encoder behind."""
        return self._encoder.dimension

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`."""
        if not texts:
            return await self._encoder.encode(texts)
        keys = self._keys(texts)
        known = await asyncio.to_thread(self._read, keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = await self._encoder.encode(list(missing.values()))
            new = {key: row.tobytes() for key, row in zip(missing, made, strict=True)}
            await asyncio.to_thread(self._write, new)
            known |= new
        return (
            np.frombuffer(b"".join([known[key] for key in keys]), np.float32).reshape(len(texts), -1).copy()
        )

    async def encode_tokens(self, texts: Sequence[str]) -> list[FloatArray]:
        """For each text its token vectors, unit length, float32, shape `(tokens, dimension)`.

        Raises:
            InputError: when the encoder behind gives none.
        """
        if not isinstance(self._encoder, TokenEncoder):
            raise InputError(f"{self.fingerprint} gives no token vectors", fix="use the encoder MiniLM")
        known = self._tokens.get(texts)
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        if missing:
            made = dict(zip(missing, await self._encoder.encode_tokens(missing), strict=True))
            self._tokens.put(made)
            known |= made
        return [known[text] for text in texts]

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _keys(self, texts: Sequence[str]) -> list[bytes]:
        prefix = blake2b(f"{self.fingerprint}\0".encode(), digest_size=16)
        keys = []
        for text in texts:
            digest = prefix.copy()
            digest.update(text.encode("utf-8", "surrogatepass"))
            keys.append(digest.digest())
        return keys

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        wanted = list(dict.fromkeys(keys))
        now = int(time.time())
        found: list[tuple[bytes, bytes, int]] = []
        with self._connection() as connection:
            for start in range(0, len(wanted), _LOOKUP):
                part = wanted[start : start + _LOOKUP]
                marks = ",".join("?" * len(part))
                found += connection.execute(
                    f"SELECT key, vector, used FROM vectors WHERE key IN ({marks})",  # noqa: S608
                    part,
                )
            # Reading stays reading: the time of use is written at most once an hour for each text.
            if stale := [(now, key) for key, _, used in found if used < now - _HOUR]:
                with connection:
                    connection.executemany("UPDATE vectors SET used = ? WHERE key = ?", stale)
        return {key: vector for key, vector, _ in found}

    def _write(self, vectors: dict[bytes, bytes]) -> None:
        now = int(time.time())
        with self._connection() as connection, connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                [(key, vector, now) for key, vector in vectors.items()],
            )
            self._until_eviction -= len(vectors)
            if self._until_eviction < 0:
                self._evict(connection)

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Counting is slow: it is done at the first write, then once for every twentieth of the bound."""
        [count] = connection.execute("SELECT count(*) FROM vectors").fetchone()
        if count > self._max_texts:
            connection.execute(
                "DELETE FROM vectors WHERE rowid IN (SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?)",
                [count - self._max_texts * 9 // 10],
            )
        self._until_eviction = self._max_texts // 20

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._opened is None:
                    self._opened = _open(self._path)
                yield self._opened
            except (sqlite3.Error, OSError) as error:
                raise StoreError(
                    f"the embedding cache {self._path} cannot be used: {error}",
                    fix="free space or delete the file; it is made again",
                ) from error


class _TokenCache:
    """Token vectors by text, the least recently used going first once `limit` bytes are reached."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, FloatArray] = OrderedDict()
        self._lock = Lock()

    def get(self, texts: Sequence[str]) -> dict[str, FloatArray]:
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
            for text in found:
                self._kept.move_to_end(text)
            return found

    def put(self, vectors: dict[str, FloatArray]) -> None:
        with self._lock:
            for text, tokens in vectors.items():
                replaced = self._kept.pop(text, None)
                self._size += tokens.nbytes - (0 if replaced is None else replaced.nbytes)
                tokens.flags.writeable = False
                self._kept[text] = tokens
            while self._size > self._limit:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.nbytes


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
