"""The image encoder that ships with Kedge: classical descriptors by scikit-image, no weights, no torch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.images import WHOLE, Box

__all__ = ["Descriptors"]

_SIDE = 128  # pixels of the small copy that is described
_BANDS = ((2, 6), (6, 16), (16, 40))  # rings of the spectrum, in cycles per image
_ANGLES = 8
_PATCHES = (1, 2, 4)  # patches along a side, coarse to fine

Array = npt.NDArray[np.float64]


class Descriptors:
    """What an image looks like, in 378 numbers: colour, texture, gradients and layout.

    The image is made 128 pixels square. Each block is brought to unit length, so that all count alike:

    - colour: mean and spread of Lab in a 4 × 4 grid, and a histogram of hue, saturation and value;
    - texture: uniform local binary patterns in a 2 × 2 grid (Ojala 2002), and the energy of the spectrum in
      3 rings and 8 directions (after GIST, Oliva and Torralba 2001);
    - gradients: their histogram in 8 directions in a 4 × 4 grid (HOG, Dalal and Triggs 2005);
    - layout: strength of edges in a 4 × 4 grid, and the sides' ratio.

    It knows nothing of what things are: near to each other are images that look alike. An `Alignment` makes
    of that what it can; a trained encoder at an endpoint makes more.

    Example:
        >>> import asyncio
        >>> images = [Image.new("RGB", (60, 40), colour) for colour in ("red", "darkred", "blue")]
        >>> vectors = asyncio.run(Descriptors().encode(images))
        >>> vectors.shape, bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
        ((3, 378), True)
    """

    alike = 0.97
    """Copies with a twentieth cut off each side, or as JPEG of half the size, stay above; of 64 photos,
    charts and drawings, seven in a hundred have another one as near as that (measured)."""

    @property
    def fingerprint(self) -> str:
        """The version of the descriptors."""
        return "descriptors/1"

    @property
    def dimension(self) -> int:
        """378."""
        return 378

    async def encode(self, images: Sequence[Image.Image]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(images), 378)`; computed in worker threads."""
        if not images:
            return np.empty((0, self.dimension), np.float32)
        return np.stack(await _each(_describe, images))

    async def encode_patches(self, images: Sequence[Image.Image], count: int = 21) -> list[FloatArray]:
        """For each image the first of 21 rows: the whole, then its quarters, then its sixteenths."""
        boxes = _boxes()[:count]
        return await _each(lambda image: np.stack([_describe(box.crop(image)) for box in boxes]), images)


def _boxes() -> list[Box]:
    cuts = [(n, i, j) for n in _PATCHES[1:] for i in range(n) for j in range(n)]
    return [WHOLE, *(Box(j / n, i / n, (j + 1) / n, (i + 1) / n) for n, i, j in cuts)]


async def _each(work: Callable[[Image.Image], FloatArray], images: Sequence[Image.Image]) -> list[FloatArray]:
    """One image after the other, so that a cancelled call stops soon."""
    return [await asyncio.to_thread(work, image) for image in images]


def _describe(image: Image.Image) -> FloatArray:
    from skimage.color import rgb2hsv, rgb2lab
    from skimage.feature import hog, local_binary_pattern

    ratio = np.log(image.width / image.height)
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    pixels = np.asarray(small, np.float64) / 255
    lab = rgb2lab(pixels)
    light = lab[..., 0] / 100
    down, across = np.gradient(light)
    patterns = local_binary_pattern((light * 255).astype(np.uint8), 8, 1, "uniform")
    blocks = (
        _grid(lab, 4, lambda part: part.reshape(-1, 3).mean(axis=0)),
        _grid(lab, 4, lambda part: part.reshape(-1, 3).std(axis=0)),
        np.sqrt(_shares(rgb2hsv(pixels))),
        np.sqrt(_grid(patterns, 2, lambda part: np.bincount(part.astype(int).ravel(), minlength=10))),
        _spectrum(light),
        np.sqrt(hog(light, 8, (_SIDE // 4, _SIDE // 4), (1, 1))),
        _grid(np.hypot(down, across), 4, np.mean),
        np.array([np.cos(ratio), np.sin(ratio)]),
    )
    vector = np.concatenate([_unit(block) for block in blocks])
    return np.asarray(_unit(vector), np.float32)


def _grid(values: Array, count: int, work: Callable[[Array], Any]) -> Array:
    """What `work` makes of each part of a grid, one after the other."""
    rows = (part for band in np.split(values, count) for part in np.split(band, count, axis=1))
    return np.asarray([work(part) for part in rows], np.float64).ravel()


def _shares(hsv: Array) -> Array:
    bounds = [(0, 1)] * 3
    counts, _ = np.histogramdd(hsv.reshape(-1, 3), bins=(8, 3, 3), range=bounds)
    return np.asarray(counts.ravel() / counts.sum(), np.float64)


def _spectrum(light: Array) -> Array:
    size = np.abs(np.fft.fftshift(np.fft.fft2(light - light.mean())))
    y, x = np.mgrid[-_SIDE // 2 : _SIDE // 2, -_SIDE // 2 : _SIDE // 2]
    radius = np.hypot(y, x)
    turn = (np.arctan2(y, x) % np.pi * _ANGLES / np.pi).astype(int) % _ANGLES
    rings = [(radius >= low) & (radius < high) for low, high in _BANDS]
    return np.array([np.log1p(size[ring & (turn == a)].mean()) for ring in rings for a in range(_ANGLES)])


def _unit(block: Array) -> Array:
    length = np.linalg.norm(block)
    return block / length if length else block
