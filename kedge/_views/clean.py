"""Makes text from documents and models safe to print."""

from __future__ import annotations

import re

__all__ = ["clean", "one_line"]

ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor movement
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # window titles, hyperlinks, device strings
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
# Control characters, 8-bit ones too, and marks that reorder what is read, which can disguise a text.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The text without terminal escapes, control characters and reordering marks; lines and tabs stay.

    Example:
        >>> clean("\\x1b[31mred\\x1b[0m alert\\x07")
        'red alert'
    """
    lines = CONTROLS.sub("", ESCAPES.sub("", text.replace("\r\n", "\n")))
    return lines.encode("utf-8", "replace").decode("utf-8")  # lone surrogates, from undecodable file names


def one_line(text: str, limit: int | None = None) -> str:
    """The cleaned text with white space collapsed, cut to `limit` characters.

    Example:
        >>> one_line("a long\\n  story", limit=8)
        'a long …'
    """
    line = " ".join(clean(text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"
