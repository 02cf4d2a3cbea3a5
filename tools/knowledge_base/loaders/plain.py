"""Plain text."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.tools.knowledge_base.loaders._source import Source, clean, paragraphs
from kedge.tools.knowledge_base.records import ParsedDocument

__all__ = ["load_plain"]

LONGEST = 100  # characters of a title
SENTENCE = (".", "!", "?", ":", ",", ";")


def load_plain(source: Source) -> Iterator[ParsedDocument]:
    """The one document of a text file, its text as it stands, its blocks the paragraphs."""
    text = clean(source.decode(source.read())).strip()
    if not text:
        raise source.error("is empty", fix="add some content or leave it out")
    yield source.document("text", text, paragraphs(text), title=_title(text))


def _title(text: str) -> str:
    """The first line where it stands alone like a title, else nothing.

    Example:
        >>> _title("The Long Haul\\n\\nWritten for the first regatta."), _title("It rained. \\n\\nIt poured.")
        ('The Long Haul', '')
    """
    first, _, rest = text.partition("\n")
    alone = rest.startswith(("\n", " \n"))
    return first.strip() if alone and len(first) <= LONGEST and not first.rstrip().endswith(SENTENCE) else ""
