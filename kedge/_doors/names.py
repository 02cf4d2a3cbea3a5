"""Names that somebody may have meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["near_names"]

LOOKED_AT = 20_000  # names that are compared letter by letter; more take seconds


def near_names(name: str, known: Sequence[str], most: int = 3) -> list[str]:
    """The known names that hold this one, or else those that are spelled much like it.

    Example:
        >>> near_names("heron", ["grey heron", "anvil rocks"]), near_names("anvl rocks", ["anvil rocks"])
        (['grey heron'], ['anvil rocks'])
    """
    holding = sorted((other for other in known if name in other), key=len)[:most]
    return holding or get_close_matches(name, known[:LOOKED_AT], n=most)
