"""What all readers of questions have in common: they are strict, or leave out what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import Protocol

from kedge.benchmarks.datasets.records import Question
from kedge.benchmarks.datasets.rows import Row, attempt, json_rows
from kedge.errors import LoadError

__all__ = ["Loader", "by_row", "fitting"]


class Loader(Protocol):
    """Reads the questions of a file."""

    def __call__(self, path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
        """The questions; without `refused` the first row that does not fit is an error.

        Args:
            path: The file.
            refused: Rows that do not fit are left out, and told here with file and line.

        Raises:
            LoadError: The file cannot be read; or a row does not fit, and is not to be left out.
        """
        ...


def by_row(read: Callable[[Row], Question]) -> Loader:
    """A reader of JSON Lines and JSON arrays, from a function that reads one row."""

    @wraps(read)
    def load(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Question]:
        return fitting(json_rows(Path(path), refused), read, refused)

    return load


def fitting(
    given: Iterable[Row], read: Callable[[Row], Question], refused: list[str] | None = None
) -> Iterator[Question]:
    """The questions read from these rows: each id once, each in words, and with an answer if it has one."""
    seen: set[str] = set()
    for item in given:
        question = attempt(partial(_checked, item, read, seen), refused)
        if question is not None:
            seen.add(question.id)
            yield question


def _checked(item: Row, read: Callable[[Row], Question], seen: set[str]) -> Question:
    question = read(item)
    if question.id in seen:
        raise LoadError(f"{item.where}: the id {question.id!r} is used twice", fix="give every row its own")
    if not question.question.strip():
        raise LoadError(f"{item.where}: the question is empty", fix="mend the row, or read leniently")
    if question.answerable and not any(answer.strip() for answer in question.answers):
        raise LoadError(f"{item.where}: answerable, but without gold answer", fix="give the row one")
    return question
