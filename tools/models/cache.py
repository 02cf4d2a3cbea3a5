"""Replies remembered in a SQLite file: the same request is paid for once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from kedge.errors import StoreError

__all__ = ["ReplyCache"]

BUSY_SECONDS = 30.0
HOUR = 3600
SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, reply TEXT NOT NULL, used INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS replies_by_use ON replies (used);
"""


class ReplyCache:
    """Replies by the hash of their request, for any number of threads, event loops and processes.

    The file is bounded: now and then, the replies not used for longest go.

    Args:
        path: The file; made, with its folder, by the first call.
        most: Bound of the file, in replies.

    Raises:
        StoreError: by any call, when the file cannot be used.

    Example:
        >>> cache = ReplyCache(tmp / "replies.sqlite")
        >>> cache.put(b"key", {"text": "ahoy"})
        >>> cache.get(b"key"), cache.get(b"other")
        ({'text': 'ahoy'}, None)
        >>> cache.close()
    """

    def __init__(self, path: str | Path, *, most: int = 200_000) -> None:
        self.path = Path(path)
        self._most = most
        self._until_eviction = 0
        self._lock = Lock()
        self._opened: sqlite3.Connection | None = None

    def get(self, key: bytes) -> dict[str, Any] | None:
        """The reply that is kept under this key."""
        now = int(time.time())
        with self._connection() as connection:
            found = connection.execute("SELECT reply, used FROM replies WHERE key = ?", [key]).fetchone()
            if found is None:
                return None
            # Reading stays reading: the time of use is written at most once an hour for each reply.
            if found[1] < now - HOUR:
                with connection:
                    connection.execute("UPDATE replies SET used = ? WHERE key = ?", [now, key])
        reply: dict[str, Any] = json.loads(found[0])
        return reply

    def put(self, key: bytes, reply: Mapping[str, Any]) -> None:
        """Keep a reply."""
        row = (key, json.dumps(reply), int(time.time()))
        with self._connection() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", row)
            self._until_eviction -= 1
            if self._until_eviction < 0:
                self._evict(connection)

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Counting is slow: it is done at the first write, then once for every twentieth of the bound."""
        [count] = connection.execute("SELECT count(*) FROM replies").fetchone()
        if count > self._most:
            connection.execute(
                "DELETE FROM replies WHERE rowid IN (SELECT rowid FROM replies ORDER BY used, rowid LIMIT ?)",
                [count - self._most * 9 // 10],
            )
        self._until_eviction = self._most // 20

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._opened is None:
                    self._opened = _open(self.path)
                yield self._opened
            except (sqlite3.Error, OSError) as error:
                raise StoreError(
                    f"the reply cache {self.path} cannot be used: {error}",
                    fix="free space or delete the file; it is made again",
                ) from error


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
