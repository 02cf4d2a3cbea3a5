"""Reads files into documents: `find` the files, then `load` each.

What is read is data: nothing in it is executed, followed or opened. Text stays as it was written, but for
control characters, which are removed, and line ends, which become newlines.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from kedge.errors import InputError, LoadError
from kedge.tools.knowledge_base.loaders._find import find
from kedge.tools.knowledge_base.loaders._formats import FORMATS, SUPPORTED, Format
from kedge.tools.knowledge_base.loaders._source import Fields, Limits, Source, looks_like
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["SUPPORTED", "Fields", "Format", "Limits", "find", "load", "load_text"]


def load(
    path: str | Path,
    *,
    fields: Fields | None = None,
    limits: Limits | None = None,
    encoding: str | None = None,
) -> Iterator[ParsedDocument | LoadError]:
    """The documents of one file, one after the other.

    The suffix says the format; a file without one is looked into. A bad row of a table or of JSON Lines is
    given as a `LoadError` among the documents, and the rest follows.

    Args:
        path: The file.
        fields: Which fields of its rows hold the text, title and id; guessed by default.
        limits: What the file may cost.
        encoding: Of a text file; by default what the file declares, or UTF-8.

    Raises:
        LoadError: The file cannot be read at all, or not to its end.
        InputError: There is no such file, it is a folder, or there is no such encoding.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "tide_tables.txt")
        ...     _ = file.write_text("High water at noon.")
        ...     [document] = load(file)
        >>> document.title, document.text
        ('tide tables', 'High water at noon.')
    """
    file = Path(path)
    source = Source.of_path(file, encoding=encoding, limits=limits or Limits())
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"{source.name}: no such file", fix="check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise source.error(f"cannot be read: {reason}", fix="check the path") from None
    if stat.S_ISDIR(mode):
        raise InputError(f"{source.name}: is a folder", fix="name a file, or find the files in it first")
    if not stat.S_ISREG(mode):
        raise source.error("is not a regular file", fix="leave it out, or copy its content into a file")
    yield from _load(source, None, fields or Fields())


def load_text(
    text: str | bytes,
    *,
    source: str = "stdin",
    kind: Format = "text",
    fields: Fields | None = None,
    limits: Limits | None = None,
    encoding: str | None = None,
) -> Iterator[ParsedDocument | LoadError]:
    """The documents of a text that is in no file, as if `load` had read it.

    Args:
        text: The text, or its bytes.
        source: What the documents call it.
        kind: Its format.
        fields: As for `load`.
        limits: As for `load`.
        encoding: Of the bytes.

    Raises:
        LoadError: It cannot be read.

    Example:
        >>> [document] = load_text("# Tides\\n\\nTwice a day.", kind="markdown")
        >>> document.source, document.title
        ('stdin', 'Tides')
    """
    if isinstance(text, str):
        # A lone surrogate has no bytes.
        text, encoding = text.encode("utf-8", "replace"), "utf-8"
    origin = Source(source, source, content=text, encoding=encoding, limits=limits or Limits())
    yield from _load(origin, kind, fields or Fields())


def _load(source: Source, kind: Format | None, fields: Fields) -> Iterator[ParsedDocument | LoadError]:
    """Load, with the errors of the disk told in our own words, whenever they come."""
    try:
        yield from _documents(source, kind or _format(source), fields)
    except PermissionError:
        raise source.error("no permission to read it", fix="change its permissions") from None
    except OSError as error:
        raise source.error(f"cannot be read: {error.strerror}", fix="check the file and its disk") from None


def _format(source: Source) -> Format:
    suffix = source.path.suffix.lower() if source.path else ""
    if suffix in FORMATS:
        return FORMATS[suffix]
    if suffix:
        raise source.error(f"unsupported type {suffix}", fix=f"one of {' '.join(sorted(SUPPORTED))}")
    with source.open() as stream:
        guess = looks_like(stream.read(16))
    if guess.endswith("image"):
        return "image"
    return "pdf" if guess == "a PDF" else "docx" if guess.startswith("a ZIP") else "text"


def _documents(source: Source, kind: Format, fields: Fields) -> Iterator[ParsedDocument | LoadError]:
    """Hand over to the loader. Each is imported when its first file comes, as their libraries are large."""
    match kind:
        case "text":
            from kedge.tools.knowledge_base.loaders.plain import load_plain

            return load_plain(source)
        case "markdown":
            from kedge.tools.knowledge_base.loaders.markdown import load_markdown

            return load_markdown(source)
        case "html":
            from kedge.tools.knowledge_base.loaders.webpage import load_webpage

            return load_webpage(source)
        case "pdf":
            from kedge.tools.knowledge_base.loaders.pdf import load_pdf

            return load_pdf(source)
        case "docx":
            from kedge.tools.knowledge_base.loaders.word import load_word

            return load_word(source)
        case "table":
            from kedge.tools.knowledge_base.loaders.table import load_table

            return load_table(source, fields=fields)
        case "jsonl":
            from kedge.tools.knowledge_base.loaders.rows import load_lines

            return load_lines(source, fields=fields)
        case "json":
            from kedge.tools.knowledge_base.loaders.rows import load_json

            return load_json(source, fields=fields)
        case "image":
            from kedge.tools.knowledge_base.loaders.image import load_image

            return load_image(source)
        case "subtitles":
            from kedge.tools.knowledge_base.loaders.subtitles import load_subtitles

            return load_subtitles(source)
        case "video":
            from kedge.tools.knowledge_base.loaders.video import load_video

            return load_video(source)
