"""Writing results: JSON for programs, rich for people, files for `--html`."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge.errors import InputError, KedgeError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["console", "display", "emit", "record", "write_page"]

PIPED_WIDTH = 120  # columns when nobody's terminal says how many there are
# What a terminal might act on; JSON escapes the other control characters itself.
RISKY = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def console(*, stderr: bool = False) -> Console:
    """A console that reads no markup, emoji codes or numbers into what it prints."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def display(*parts: RenderableType) -> None:
    """Print for a person: with colour on a terminal, as bare text into a file or a pipe."""
    from kedge._views.terminal import plain

    screen = console()
    if screen.is_terminal:
        screen.print(*parts, sep="\n")
    else:
        width = max(screen.width, PIPED_WIDTH)
        sys.stdout.write("".join(f"{plain(part, width=width)}\n" for part in parts))


def emit(value: object) -> None:
    """Print one JSON document."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    text = RISKY.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # What UTF-8 cannot hold (parts of undecodable file names) becomes a JSON escape.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def record(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are."""
    return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}


def write_page(path: Path, text: str) -> None:
    """Write a file that the person asked for.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", fix="choose another file") from None


def _plain(value: Any) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return record(value)
    if isinstance(value, KedgeError):
        return {"message": value.message, "fix": value.fix}
    raise TypeError(f"no JSON for {type(value).__name__}")
