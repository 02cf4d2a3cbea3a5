"""JSON Lines, and JSON files that are an array of rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kedge.errors import LoadError
from kedge.tools.knowledge_base.loaders._source import (
    Composer,
    Fields,
    Source,
    clean,
    declared_by_mark,
    one_line,
    paragraphs,
)
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["TEXT_NAMES", "load_json", "load_lines", "record"]

TEXT_NAMES = ("text", "contents", "content", "passage", "body", "paragraph", "paragraph_text")
_TITLE_NAMES = ("title", "source_title", "name", "heading")
_ID_NAMES = ("id", "_id", "doc_id", "chunk_id", "docid", "pid", "passage_id")
_FIX_ROW = "mend or remove that row; the others are kept"
_HOPELESS = 20  # bad lines before the first good one after which a file is not JSON Lines at all
_MEAN_PROSE = 80  # mean characters from which an object of `title: text` is a collection of passages


def load_lines(source: Source, *, fields: Fields) -> Iterator[ParsedDocument | LoadError]:
    """A document for each line of JSON Lines, streamed; a `LoadError` for each line that is none."""
    good = bad = 0
    for number, line in _lines(source):
        found: ParsedDocument | LoadError
        if isinstance(line, LoadError):
            found = line
        elif not line.strip():
            continue
        else:
            try:
                found = record(source, _parse(line), number, fields)
            except ValueError as error:
                found = source.error(f"line {number}: not valid JSON: {_why(error)}", fix=_FIX_ROW)
        good, bad = (good, bad + 1) if isinstance(found, LoadError) else (good + 1, bad)
        yield found
        if not good and bad >= _HOPELESS:
            message = f"none of its first {bad} lines can be used"
            raise source.error(message, fix="check that it is JSON Lines, and the names of its fields")
    if not good and not bad:
        raise source.error("is empty", fix="add some content or leave it out")


def load_json(source: Source, *, fields: Fields) -> Iterator[ParsedDocument | LoadError]:
    """A document for each row of a JSON array, or one document for any other JSON value.

    An object that maps titles to passages (strings, or lists of sentences) is read as rows. A `.json` file
    that is JSON Lines in truth is read as that.
    """
    data = source.read()
    try:
        value = _parse(source.decode(data))
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data" and error.lineno > 1:
            yield from load_lines(source, fields=fields)
            return
        raise source.error(f"not valid JSON: {_why(error)}", fix="mend it at that place") from None
    if isinstance(value, dict) and (rows := _titled(value)):
        value = rows
    if isinstance(value, list) and any(isinstance(row, dict | str) for row in value):
        for number, row in enumerate(value, start=1):
            yield record(source, row, number, fields)
        return
    composer = Composer(source)
    composer.add("paragraph", "\n".join(f"{name}: {item}" if name else item for name, item in _leaves(value)))
    yield source.composed("record", composer)


def record(source: Source, row: object, number: int, fields: Fields) -> ParsedDocument | LoadError:
    """The document of one row, or the reason why it is none.

    A row without a text field is verbalised: nothing that was added is lost. What is neither text, title
    nor id, and is a scalar, becomes metadata.
    """
    place = f"row {number}"
    if isinstance(row, str):
        row = {"text": row}
    if not isinstance(row, dict):
        return source.error(f"{place}: not an object", fix=_FIX_ROW)
    for role in (fields.text, fields.title, fields.id):
        if role is not None and role not in row:
            known = ", ".join(one_line(str(key)) for key in row)
            return source.error(f"{place}: no field {role!r}", fix=f"its fields are {known[:200] or 'none'}")
    text_field = fields.text or _first(row, TEXT_NAMES, _text)
    title_field = fields.title or _first(row, _TITLE_NAMES, _scalar)
    id_field = fields.id or _first(row, _ID_NAMES, _scalar)
    if text_field is not None:
        text = clean(_text(row[text_field])).strip()
    else:
        leaves = [leaf for leaf in _leaves(row) if leaf[0] not in (title_field, id_field)]
        text = "\n".join(f"{name}: {item}" for name, item in leaves)
        text = text or (one_line(_scalar(row[title_field])) if title_field else "")
    if not text:
        return source.error(f"{place}: the text is empty", fix=_FIX_ROW)
    external_id = one_line(_scalar(row[id_field])) if id_field else ""
    used = (text_field, title_field, id_field)
    metadata = {
        clean(key): clean(item)
        for key, value in row.items()
        if text_field is not None and key not in used and (item := _scalar(value))
    }
    return source.document(
        "record",
        text,
        paragraphs(text),
        title=_scalar(row[title_field]) if title_field else external_id,
        external_id=external_id or None,
        row=number,
        metadata=metadata,
    )


def _lines(source: Source) -> Iterator[tuple[int, str | LoadError]]:
    limit = source.limits.bytes
    with source.open() as stream:
        head = stream.read(8192)
        source.refuse_binary(head)
        if source.encoding or declared_by_mark(head):
            # The line ends of UTF-16 are not bytes of their own, so such a file is decoded whole.
            yield from enumerate(source.decode(source.read()).split("\n"), start=1)
            return
        stream.seek(0)
        number = offset = 0
        while line := stream.readline(limit + 1):
            number += 1
            length = len(line)
            if length > limit:
                while line and not line.endswith(b"\n"):
                    line = stream.readline(2**20)
                    length += len(line)
                yield number, source.too_large(f"line {number}")
            else:
                try:
                    yield number, source.decode(line, offset=offset)
                except LoadError as error:
                    yield number, LoadError(f"{error.message} (line {number})", fix=error.fix)
            offset += length


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _why(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno} column {error.colno}"
    return str(error)


def _first(row: Mapping[str, object], names: Sequence[str], role: Any) -> str | None:
    """The field that plays a role: the first of the names that holds something usable, whatever its case."""
    for name in names:
        if name in row and role(row[name]):
            return name
    folded = {key.casefold(): key for key in row}
    return next((folded[name] for name in names if name in folded and role(row[folded[name]])), None)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    return ""


def _text(value: object) -> str:
    """A text, or a list of sentences put together."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return " ".join(item.strip() for item in value)
    return ""


def _titled(value: Mapping[str, object]) -> list[dict[str, str]]:
    texts = [_text(item) for item in value.values()]
    if len(texts) < 2 or not all(texts) or sum(map(len, texts)) < _MEAN_PROSE * len(texts):
        return []
    return [{"title": title, "text": text} for title, text in zip(value, texts, strict=True)]


def _leaves(value: object) -> Iterator[tuple[str, str]]:
    """Every scalar inside a JSON value, with the path to it. Without recursion: JSON nests deeply."""
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        name, item = stack.pop()
        if isinstance(item, dict):
            prefix = f"{name}." if name else ""
            stack.extend((f"{prefix}{key}"[:200], inner) for key, inner in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend((name, inner) for inner in reversed(item))
        elif scalar := one_line(_scalar(item)):
            yield one_line(name), scalar
