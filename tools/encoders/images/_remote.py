"""Image encoders behind an OpenAI-compatible `/v1/embeddings` endpoint that takes messages (vLLM)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.encoders._remote import Endpoint
from kedge.tools.encoders._text import clipped
from kedge.tools.images import as_png

__all__ = ["RemoteImageEncoder"]

_LONGEST = 1_024  # pixels; encoders look at fewer


class RemoteImageEncoder(Endpoint):
    """Vectors of images, and of texts in the same space, from an endpoint; arguments as for `RemoteEncoder`.

    Each image is a request of its own, with one message that holds it as a data URL.

    Example:
        >>> encoder = RemoteImageEncoder("http://127.0.0.1:8000/v1", "clip-vit-base-patch32", dimension=512)
        >>> encoder.fingerprint
        'clip-vit-base-patch32/512'
    """

    alike = 0.9

    async def encode(self, images: Sequence[Image.Image]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(images), dimension)`.

        Raises:
            ModelError: when the endpoint cannot be reached, refuses, or answers with something unusable.
        """
        if not images:
            return np.empty((0, self._dimension or 0), np.float32)
        files = [await asyncio.to_thread(as_png, image, longest=_LONGEST) for image in images]
        urls = ["data:image/png;base64," + b64encode(file).decode() for file in files]
        return await self._asked([{"type": "image_url", "image_url": {"url": url}} for url in urls])

    async def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`.

        Raises:
            ModelError: as `encode`.
        """
        if not texts:
            return np.empty((0, self._dimension or 0), np.float32)
        said = [clipped(text, self._max_characters) or " " for text in texts]
        return await self._asked([{"type": "text", "text": text} for text in said])

    async def _asked(self, parts: Sequence[dict[str, Any]]) -> FloatArray:
        return await self.embed([({"messages": [{"role": "user", "content": [part]}]}, 1) for part in parts])
