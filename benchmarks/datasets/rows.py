"""Rows of JSON and tab-separated files, with errors that name the file and the line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from kedge.errors import LoadError

__all__ = ["Row", "attempt", "csv_rows", "first_character", "json_rows", "json_value", "row", "tab_rows"]

T = TypeVar("T")
_FIX = "compare it with the official release of the data set"


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object and where it stands."""

    where: str
    data: Mapping[str, Any]

    def get(self, kind: type[T], *names: str) -> T:
        """The value of the first of these fields that the row has.

        Raises:
            LoadError: It has none of them, or the value is of another type.
        """
        for name in names:
            if name in self.data:
                return self._typed(kind, name)
        raise LoadError(f"{self.where}: no field {' or '.join(map(repr, names))}", fix=_FIX)

    def find(self, kind: type[T], name: str, default: T) -> T:
        """The value of a field, or `default` when the row lacks it or has null there."""
        return default if self.data.get(name) is None else self._typed(kind, name)

    def texts(self, *names: str) -> tuple[str, ...]:
        """The value of a field that is a list of strings."""
        values = self.get(list, *names)
        if not all(isinstance(value, str) for value in values):
            raise LoadError(f"{self.where}: {names[0]!r} is not a list of strings", fix=_FIX)
        return tuple(values)

    def rows(self, *names: str) -> list[Row]:
        """The value of a field that is a list of objects."""
        return [row(f"{self.where}, {names[0]} {n}", v) for n, v in enumerate(self.get(list, *names), 1)]

    def pairs(self, *names: str) -> list[tuple[str, Any]]:
        """The value of a field that is a list of [title, something]."""
        pairs = self.get(list, *names)
        if not all(isinstance(p, list) and len(p) == 2 and isinstance(p[0], str) for p in pairs):
            raise LoadError(f"{self.where}: {names[0]!r} is not a list of pairs", fix=_FIX)
        return [(title, value) for title, value in pairs]

    def _typed(self, kind: type[T], name: str) -> T:
        value = self.data[name]
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise LoadError(
                f"{self.where}: {name!r} is {type(value).__name__}, not {kind.__name__}", fix=_FIX
            )
        return value


def row(where: str, value: object) -> Row:
    """Take a JSON value for a row.

    Raises:
        LoadError: It is not an object.
    """
    if not isinstance(value, dict):
        raise LoadError(f"{where}: {type(value).__name__}, not an object", fix=_FIX)
    return Row(where, value)


def first_character(path: Path) -> str:
    """The first character of a file that is not white space; empty if there is none.

    Raises:
        LoadError: The file cannot be read.
    """
    return next((line.lstrip()[0] for _, line in _lines(path) if line.strip()), "")


def json_value(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        LoadError: There is no such file, or it is not JSON.
    """
    try:
        return json.loads("".join(line for _, line in _lines(path)))
    except json.JSONDecodeError as error:
        raise LoadError(f"{path}:{error.lineno}: not JSON: {error.msg}", fix=_FIX) from None


def json_rows(path: Path, refused: list[str] | None = None) -> Iterator[Row]:
    """The objects of a JSON array, or of a JSONL file, which is read a line at a time.

    Args:
        path: The file.
        refused: What is no JSON object is left out, and told here.

    Raises:
        LoadError: The file cannot be read; or something is not a JSON object, and is not to be left out.
    """
    lines = ((number, line) for number, line in _lines(path) if line.strip())
    number, first = next(lines, (0, ""))
    if not first:
        raise LoadError(f"{path}: empty", fix=_FIX)
    if first.lstrip().startswith("["):
        places = enumerate(json_value(path), start=1)
        found = (attempt(partial(row, f"{path}, item {place}", value), refused) for place, value in places)
    else:
        numbered = chain([(number, first)], lines)
        found = (attempt(partial(_row_of_line, path, number, line), refused) for number, line in numbered)
    yield from (item for item in found if item is not None)


def attempt(make: Callable[[], T], refused: list[str] | None) -> T | None:
    """What `make` makes. A `LoadError` is told in `refused`, if that is given, and raised otherwise."""
    try:
        return make()
    except LoadError as error:
        if refused is None:
            raise
        refused.append(error.message)
        return None


def csv_rows(path: Path, refused: list[str] | None = None) -> Iterator[Row]:
    """The rows of a CSV file, by the names in its first line.

    Args:
        path: The file.
        refused: A row with more cells than there are names is left out, and told here.

    Raises:
        LoadError: The file cannot be read; or a row has more cells, and is not to be left out.
    """
    reader = csv.DictReader(line for _, line in _lines(path))
    for item in reader:
        found = attempt(partial(_row_of_cells, f"{path}:{reader.line_num}", item), refused)
        if found is not None:
            yield found


def tab_rows(path: Path, columns: int, separator: str = "\t") -> Iterator[tuple[str, ...]]:
    """The rows of a file without header whose cells a tab, or another separator, divides.

    Raises:
        LoadError: The file cannot be read, or a line has another number of cells or an empty one.
    """
    for number, line in _lines(path):
        cells = tuple(line.rstrip("\r\n").split(separator))
        if cells == ("",):
            continue
        if len(cells) != columns or not all(cell.strip() for cell in cells):
            raise LoadError(
                f"{path}:{number}: not {columns} cells between {separator!r}: {line.strip()!r}", fix=_FIX
            )
        yield cells


def _row_of_cells(where: str, cells: Mapping[str, str | None]) -> Row:
    if None in cells:
        raise LoadError(f"{where}: more cells than the first line names", fix="quote cells with commas")
    return Row(where, {name: value or "" for name, value in cells.items()})


def _row_of_line(path: Path, number: int, line: str) -> Row:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise LoadError(f"{path}:{number}: not JSON: {error.msg}", fix=_FIX) from None
    return row(f"{path}:{number}", value)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from enumerate(file, start=1)
    except UnicodeDecodeError as error:
        raise LoadError(f"{path}: not UTF-8: {error.reason}", fix=_FIX) from None
    except OSError as error:
        fix = "check the path; benchmarks/suites/DATA.md says how to get public data sets"
        raise LoadError(f"{path}: {error.strerror}", fix=fix) from None
