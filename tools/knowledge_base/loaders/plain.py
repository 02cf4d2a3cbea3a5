"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.tools.knowledge_base.loaders._source import Source, clean, paragraphs
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_plain"]


def load_plain(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a text file, its text as it stands, its blocks the paragraphs."""
    text = clean(source.decode(source.read())).strip()
    if not text:
        raise source.error("is empty", fix="add some content or leave it out")
    yield source.document("text", text, paragraphs(text))
