"""What an image encoder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kedge.tools.encoders._protocol import FloatArray

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageEncoder", "JointEncoder", "PatchEncoder"]


class ImageEncoder(Protocol):
    """Turns images into unit vectors; `fingerprint` as for a text encoder.

    `alike` is the cosine from which on two images are taken to show the same thing.
    """

    @property
    def alike(self) -> float: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    async def encode(self, images: Sequence[Image.Image]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(images), dimension)`."""
        ...


@runtime_checkable
class PatchEncoder(ImageEncoder, Protocol):
    """An image encoder that also gives a vector for every patch, for late interaction.

    Patches go from coarse to fine, so that the first rows alone are a smaller index of the same image: how
    many are compared is chosen with each query (MetaEmbed, arXiv 2509.18095).
    """

    async def encode_patches(self, images: Sequence[Image.Image], count: int) -> list[FloatArray]:
        """For each image its first `count` patches, unit length, float32, shape `(patches, dimension)`."""
        ...


@runtime_checkable
class JointEncoder(ImageEncoder, Protocol):
    """An image encoder that puts texts into the same space, so that no map between the two is needed."""

    async def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`."""
        ...
