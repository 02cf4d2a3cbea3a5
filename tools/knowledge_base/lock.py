"""One writer at a time, across processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from kedge.errors import StoreError

__all__ = ["OnWait", "awrite_lock", "write_lock"]

OnWait = Callable[[str], None]
_PAUSE = 0.02


@contextmanager
def write_lock(directory: Path, *, wait: float, on_wait: OnWait | None = None) -> Iterator[None]:
    """Hold the right to write to the knowledge base in `directory`.

    The operating system frees the lock when its holder dies. `on_wait` is told, once, who holds it, before
    waiting up to `wait` seconds.

    Raises:
        StoreError: Somebody else still holds it after `wait` seconds.
    """
    claim = _Claim(directory, wait, on_wait)
    while not claim.granted():
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        claim.release()


async def awrite_lock(directory: Path, *, wait: float, on_wait: OnWait | None = None) -> Callable[[], None]:
    """`write_lock` that lets other tasks run while it waits; what it returns lets go, in any thread."""
    claim = _Claim(directory, wait, on_wait)
    while not claim.granted():
        await asyncio.sleep(_PAUSE)
    return claim.release


class _Claim:
    """One attempt to become the writer."""

    def __init__(self, directory: Path, wait: float, on_wait: OnWait | None) -> None:
        self._directory = directory
        self._lock = FileLock(directory / "write.lock", thread_local=False)
        self._name = directory / "write.pid"
        self._until = time.monotonic() + wait
        self._on_wait = on_wait

    def granted(self) -> bool:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            self._refused()
            return False
        except OSError as error:
            raise StoreError(
                f"{self._directory} cannot be written: {error.strerror}", fix="check its permissions"
            ) from error
        with suppress(OSError):  # a full disk must not keep anyone from removing documents
            self._name.write_text(str(os.getpid()))
        return True

    def release(self) -> None:
        with suppress(OSError):
            self._name.unlink()
        self._lock.release()

    def _refused(self) -> None:
        if time.monotonic() >= self._until:
            raise StoreError(
                f"{self._directory} is being written by {self._holder()}",
                fix="try again when it has finished",
            )
        if self._on_wait is not None:
            self._on_wait(self._holder())
            self._on_wait = None

    def _holder(self) -> str:
        try:
            return f"process {int(self._name.read_text())}"
        except (OSError, ValueError):
            return "another process"
