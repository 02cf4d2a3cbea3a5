"""Making any string fit for a tokenizer or a request."""

from __future__ import annotations

__all__ = ["clipped"]


def clipped(text: str, limit: int) -> str:
    r"""The first `limit` characters, half surrogate pairs, which UTF-8 cannot say, as question marks.

    Example:
        >>> clipped("ab\ud800cd", 4)
        'ab?c'
    """
    return text[:limit].encode("utf-8", "replace").decode("utf-8")
