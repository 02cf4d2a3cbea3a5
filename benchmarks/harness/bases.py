"""Knowledge bases that are built once, and kept in a folder beside the vectors that they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from kedge.tools.encoders import CachedEncoder, Encoder
from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["built"]


async def built(
    path: Path, fill: Callable[[KnowledgeBase], Awaitable[object]], encoder: Encoder
) -> KnowledgeBase:
    """The knowledge base in a folder, filled if it is not whole yet.

    Args:
        path: Its folder. A file of this name that ends in `.done` says that it is whole.
        fill: Adds what belongs into it.
        encoder: Of its passages.
    """
    done = path.with_suffix(".done")
    if not done.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        quick = CachedEncoder(encoder, path.parent / "vectors.sqlite")
        async with KnowledgeBase.open(path, encoder=quick, create=True) as base:
            await fill(base)
        done.touch()
    return KnowledgeBase.open(path, encoder=encoder)
