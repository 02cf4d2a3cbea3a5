"""What the shipped models share: checked files, sessions, batches of like length, and threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from kedge.errors import ModelError

__all__ = ["FOLDER", "Ids", "checked", "damaged", "grouped", "session", "spread", "usable_cpus"]

FOLDER = Path(__file__).parent / "minilm"
# Small batches stay in the cores' caches and waste little on padding: 512 word pieces at once take a quarter
# less than 32 texts at once (measured).
_BATCH = 512

Ids: TypeAlias = npt.NDArray[np.int64]
B = TypeVar("B")


def checked(path: Path, size: int) -> Path:
    """The path of a shipped file that has as many bytes as recorded.

    Raises:
        ModelError: It is missing, or has not.
    """
    if not path.is_file():
        raise damaged(path, "is missing")
    if path.stat().st_size != size:
        raise damaged(path, f"has {path.stat().st_size} bytes instead of {size}")
    return path


def damaged(path: Path, what: str) -> ModelError:
    """The error for a shipped file that is not as it was shipped."""
    return ModelError(f"the model's file {path} {what}", fix="install kedge again")


def session(path: Path) -> Any:
    """An onnxruntime session of one thread."""
    options = onnxruntime.SessionOptions()
    # Batches run beside each other, each in the thread that asks for it. Threads within a batch would wait
    # for each other at every step, and all of them whenever something else needs a core.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(path),
        options,
        providers=["CPUExecutionProvider"],
        # The fused form is several times slower than the two plain nodes (measured, 1.20 to 1.31).
        disabled_optimizers=["SkipLayerNormFusion"],
    )


def grouped(ids: Sequence[Sequence[int]], workers: int) -> Iterator[tuple[list[int], Ids]]:
    """Lines of like length together, zero-padded, each batch with its rows in `ids`.

    A few lines make smaller batches, for each worker to have one.
    """
    room = min(_BATCH, -(-sum(map(len, ids)) // workers))
    groups: list[list[int]] = []
    for row in sorted(range(len(ids)), key=lambda row: len(ids[row])):
        if not groups or (len(groups[-1]) + 1) * len(ids[row]) > room:
            groups.append([])
        groups[-1].append(row)
    for rows in groups:
        batch = np.zeros((len(rows), len(ids[rows[-1]])), np.int64)
        for line, row in zip(batch, rows, strict=True):
            line[: len(ids[row])] = ids[row]
        yield rows, batch


async def spread(batches: Callable[[], Iterator[B]], work: Callable[[B], None], workers: int) -> None:
    """Works through batches in threads. Cancelled, it stops before the next batch of each.

    `batches` is called once, by the first thread: what it must load is loaded there.
    """
    cancelled, turn = Event(), Lock()
    left: Iterator[B] | None = None

    def following() -> B | None:
        nonlocal left
        with turn:
            left = left or batches()
            return next(left, None)

    def run() -> None:
        while not cancelled.is_set() and (batch := following()) is not None:
            work(batch)

    try:
        await asyncio.gather(*(asyncio.to_thread(run) for _ in range(workers)))
    finally:
        cancelled.set()


def usable_cpus() -> int:
    """The CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
