"""Search among pictures: those that look like an image, and those that show what a text says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedge.tools.knowledge_base.records import Evidence
from kedge.tools.search._hits import as_evidence, check

if TYPE_CHECKING:
    from PIL import Image

    from kedge.tools.knowledge_base import Gallery

__all__ = ["shown", "similar"]


async def similar(gallery: Gallery, image: Image.Image, k: int = 5, *, vectors: int = 1) -> list[Evidence]:
    """The chunks that tell of the pictures most like an image, best first, with the cosines.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    hits = await gallery.near(image, k, vectors=vectors)
    return as_evidence(gallery.base, hits, k, "its picture looks like the image")


async def shown(gallery: Gallery, query: str, k: int = 10) -> list[Evidence]:
    """The chunks whose pictures show most likely what a text says, best first, with the cosines.

    Raises:
        InputError: when k is less than 1.
    """
    check(k)
    return as_evidence(gallery.base, await gallery.about(query, k), k, "its picture may show it")
