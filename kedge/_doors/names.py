"""Names that somebody may have meant, and names that knowledge bases may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from kedge.errors import InputError

__all__ = ["check_names", "near_names"]

BASE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

LOOKED_AT = 20_000  # names that are compared letter by letter; more take seconds


def near_names(name: str, known: Sequence[str], most: int = 3) -> list[str]:
    """The known names that hold this one, or else those that are spelled much like it.

    Example:
        >>> near_names("heron", ["grey heron", "anvil rocks"]), near_names("anvl rocks", ["anvil rocks"])
        (['grey heron'], ['anvil rocks'])
    """
    holding = sorted((other for other in known if name in other), key=len)[:most]
    return holding or get_close_matches(name, known[:LOOKED_AT], n=most)


def check_names(bases: Iterable[str]) -> None:
    """Refuse to serve no knowledge base, or one whose name cannot stand in a URI.

    Raises:
        InputError: there is none, or a name is not of small letters, digits, - and _.

    Example:
        >>> check_names(["../up"])
        Traceback (most recent call last):
        kedge.errors.InputError: a knowledge base cannot be called '../up' by clients (use small ...)
    """
    names = list(bases)
    for name in names:
        if not BASE_NAME.fullmatch(name):
            fix = "use small letters, digits, - and _"
            raise InputError(f"a knowledge base cannot be called {name!r} by clients", fix=fix)
    if not names:
        raise InputError("there is no knowledge base to serve", fix="name one")
