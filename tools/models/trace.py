"""What models were asked and said: a file that only grows, each record vouching for all before it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from kedge.errors import StoreError

if sys.platform == "win32":
    from filelock import FileLock
else:
    import fcntl

__all__ = ["TraceCheck", "TraceFile", "verify_trace"]

NOTHING = "0" * 64  # what stands before the first record
LAST = 4096  # bytes to look for the end of the last line in, at first


class TraceFile:
    """A JSON Lines file of records, each with its `number`, its `hash` and the hash of the `previous` one.

    Whoever edits, removes, inserts or moves a record breaks the chain there, which `verify_trace` finds. Two
    things a chain alone cannot show: records missing from the end, and a file that was written anew from
    the changed record on. For these, keep the last hash somewhere else and give it to `verify_trace`.

    Any number of threads and processes may write to the same file.

    Raises:
        StoreError: by `append`, when the file cannot be written or ends in something else.

    Example:
        >>> trace = TraceFile(tmp / "trace.jsonl")
        >>> trace.append({"said": "ahoy"})
        >>> verify_trace(trace.path).records
        1
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = Lock()
        self._size = -1
        self._number = 0
        self._hash = NOTHING

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record and hand it to the operating system."""
        try:
            with self._lock:
                if self._size < 0:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("ab") as file, _alone(file):
                    if file.seek(0, 2) != self._size:
                        self._number, self._hash = self._last()
                    line, self._hash = _line(self._number + 1, self._hash, record)
                    file.write(line)
                    file.flush()
                    self._number += 1
                    self._size = file.tell()
        except OSError as error:
            raise StoreError(
                f"the trace {self.path} cannot be written: {error.strerror}", fix="choose another file"
            ) from error

    def _last(self) -> tuple[int, str]:
        """Number and hash of the last record in the file."""
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            if not size:
                return 0, NOTHING
            reach = LAST
            while True:
                file.seek(-min(reach, size), 2)
                *before, last = file.read().splitlines(keepends=True)
                if before or reach >= size:
                    break
                reach *= 2
        try:
            record = json.loads(last) if last.endswith(b"\n") else {}
            return int(record["number"]), str(record["hash"])
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"the trace {self.path} ends in something that is not a record", fix="choose another file"
            ) from None


@contextmanager
def _alone(file: BinaryIO) -> Iterator[None]:
    """No other process writes to this file meanwhile."""
    if sys.platform == "win32":
        with FileLock(f"{file.name}.lock"):
            yield
    else:
        # Fifty times quicker than FileLock, which opens a file of its own for each turn.
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        yield


@dataclass(frozen=True, slots=True)
class TraceCheck:
    """What a check found: how many records hold, the hash of the last of them, and what is wrong then."""

    records: int
    head: str
    fault: str | None = None


def verify_trace(path: str | Path, *, head: str | None = None) -> TraceCheck:
    """Check the chain of a trace from its first record on.

    `head` is the last hash that it is known to have had; records may have come after it.

    Raises:
        StoreError: the file cannot be read.

    Example:
        >>> path = tmp / "changed.jsonl"
        >>> TraceFile(path).append({"said": "aye"})
        >>> changed = path.write_text(path.read_text().replace("aye", "nay"))
        >>> verify_trace(path).fault
        'record 1 was changed'
    """
    records, last, seen = 0, NOTHING, head is None
    try:
        with Path(path).open("rb") as lines:
            for line in lines:
                fault = _fault(line, records + 1, last)
                if fault is not None:
                    return TraceCheck(records, last, fault)
                records, last = records + 1, json.loads(line)["hash"]
                seen = seen or last == head
    except OSError as error:
        raise StoreError(
            f"the trace {path} cannot be read: {error.strerror}", fix="check the path"
        ) from error
    return TraceCheck(records, last, None if seen else "the record with the known hash is missing")


def _fault(line: bytes, number: int, previous: str) -> str | None:
    """What is wrong with this line as the record of this number after that hash."""
    try:
        record = json.loads(line)
        stated = record.pop("hash")
        right = _line(record.pop("number"), record.pop("previous"), record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"record {number} is not a record"
    if right != (line, stated):
        return f"record {number} was changed"
    stated_number, stated_previous = json.loads(line)["number"], json.loads(line)["previous"]
    if (stated_number, stated_previous) != (number, previous):
        return f"before record {number} something was removed, added or moved"
    return None


def _line(number: int, previous: str, record: Mapping[str, Any]) -> tuple[bytes, str]:
    """A record as it stands in the file, and its hash, which is of all else in the line."""
    text = json.dumps({"number": number, "previous": previous, **record}, default=repr)
    digest = sha256(text.encode()).hexdigest()
    return f'{text[:-1]}, "hash": "{digest}"}}\n'.encode(), digest
