"""Which suffix is which format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

__all__ = ["FORMATS", "SUPPORTED", "Format"]

Format = Literal[
    "text", "markdown", "html", "pdf", "docx", "table", "jsonl", "json", "image", "subtitles", "video"
]

_SUFFIXES: dict[Format, tuple[str, ...]] = {
    "text": (".txt", ".text", ".rst", ".log"),
    "markdown": (".md", ".markdown"),
    "html": (".html", ".htm", ".xhtml"),
    "pdf": (".pdf",),
    "docx": (".docx",),
    "table": (".csv", ".tsv", ".tab"),
    "jsonl": (".jsonl", ".ndjson"),
    "json": (".json",),
    "image": (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    "subtitles": (".srt", ".vtt"),
    "video": (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"),
}

FORMATS: Mapping[str, Format] = MappingProxyType(
    {suffix: format_ for format_, suffixes in _SUFFIXES.items() for suffix in suffixes}
)
"""The format for each suffix, in lower case and with its dot."""

SUPPORTED: frozenset[str] = frozenset(FORMATS)
"""The suffixes that can be loaded."""
