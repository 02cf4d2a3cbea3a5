"""JSON Lines that survive a kill: what is in the file is done, and is not done again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from kedge.errors import InputError, LoadError

__all__ = ["Journal", "Named", "each", "held", "once", "rows_of", "same_settings", "written"]

M = TypeVar("M", bound=BaseModel)


class Named(Protocol):
    """Whatever has an id."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


T = TypeVar("T", bound=Named)


class Journal:
    """Rows by their `id`, appended to a file one by one.

    A line that was cut off in the middle, as a kill leaves it, is taken away when the file is opened.

    Example:
        >>> journal = Journal(tmp / "done.jsonl")
        >>> journal.add({"id": "a", "score": 1})
        >>> Journal(tmp / "done.jsonl").rows
        {'a': {'id': 'a', 'score': 1}}
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            path.write_bytes(whole)
        self.rows = held(path)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; it is in the file when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.rows[row["id"]] = dict(row)


def held(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a file by their `id`; a line that is being written is left out, and nothing is changed.

    Raises:
        LoadError: A line is no row with an id.
    """
    content = path.read_bytes() if path.exists() else b""
    rows: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            row = json.loads(line)
            rows[row["id"]] = row
        except (ValueError, KeyError, TypeError):
            raise LoadError(f"{path}:{number}: not a row with an id", fix="remove the file") from None
    return rows


async def each(
    path: Path, given: Sequence[T], work: Callable[[T], Awaitable[Mapping[str, Any]]], *, at_once: int = 8
) -> AsyncGenerator[dict[str, Any]]:
    """The rows that `work` makes of the things given, as they are done; those in the file come first.

    At most `at_once` are worked on at a time; when this is closed, so are they.
    """
    journal = Journal(path)
    for thing in given:
        if thing.id in journal.rows:
            yield journal.rows[thing.id]
    waiting = iter([thing for thing in given if thing.id not in journal.rows])
    running: set[asyncio.Task[Mapping[str, Any]]] = set()

    async def one(thing: T) -> Mapping[str, Any]:
        return {**await work(thing), "id": thing.id}

    try:
        while True:
            running |= {
                asyncio.ensure_future(one(thing)) for thing in islice(waiting, at_once - len(running))
            }
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                journal.add(task.result())
                yield dict(task.result())
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def rows_of(
    path: Path, given: Sequence[T], work: Callable[[T], Awaitable[Mapping[str, Any]]], *, at_once: int = 8
) -> list[dict[str, Any]]:
    """All rows of `each`, in the order of the things given."""
    found: dict[str, dict[str, Any]] = {}
    async with aclosing(each(path, given, work, at_once=at_once)) as rows:
        async for row in rows:
            found[row["id"]] = row
    return [found[thing.id] for thing in given]


def once(path: Path, form: type[M], make: Callable[[], Iterable[M]]) -> list[M]:
    """The records of a file; where there is no file yet, it is made, all or nothing."""
    if not path.exists():
        written(path, make())
    with path.open(encoding="utf-8") as file:
        return [form.model_validate_json(line) for line in file]


def written(path: Path, records: Iterable[BaseModel]) -> None:
    """Write records to a file, which is either whole or not there."""
    half = path.with_suffix(".part")
    with half.open("w", encoding="utf-8") as file:
        file.writelines(record.model_dump_json() + "\n" for record in records)
    half.replace(path)


def same_settings(
    folder: Path, settings: Mapping[str, Any], *, about: Mapping[str, Any] | None = None
) -> None:
    """Write down what a folder is made with, or check that it goes on with the same.

    Args:
        folder: The folder.
        settings: What must be the same.
        about: What else is written down when it is begun.

    Raises:
        InputError: It was begun with something else.
    """
    path, wanted = folder / "manifest.json", json.loads(json.dumps(settings))
    if not path.exists():
        half = path.with_suffix(".part")
        whole = {**wanted, "about": about} if about else wanted
        half.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        half.replace(path)
        return
    held = json.loads(path.read_text(encoding="utf-8"))
    held.pop("about", None)
    other = [name for name in {**held, **wanted} if held.get(name) != wanted.get(name)]
    if other:
        name = other[0]
        raise InputError(
            f"{folder} was begun with {name} {held.get(name)!r}, not {wanted.get(name)!r}",
            fix="name another folder, or go on with what it was begun with",
        )
