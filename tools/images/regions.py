"""Parts of an image that are worth a closer look: by its layout alone, without a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["WHOLE", "Box", "proposals"]

_SIDE = 256  # pixels of the small copy that is looked at
_GROUND = 24.0  # distance in RGB below which a pixel belongs to the ground
_LEAST, _MOST = 0.01, 0.8  # of the image's area
_ALIKE = 0.6  # boxes that share this much of their union are the same


class Box(NamedTuple):
    """A rectangle as fractions of width and height, from the upper left corner.

    Example:
        >>> Box(0.5, 0, 1, 0.5).crop(Image.new("RGB", (40, 20))).size
        (20, 10)
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Its share of the image."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def crop(self, image: Image.Image) -> Image.Image:
        """What it shows of an image, one pixel at least."""
        left, top = int(self.left * image.width), int(self.top * image.height)
        right, bottom = round(self.right * image.width), round(self.bottom * image.height)
        return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        both = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        ).area
        union = self.area + other.area - both
        return both / union if union else 0.0


WHOLE = Box(0.0, 0.0, 1.0, 1.0)

_GRID = (
    Box(0.25, 0.25, 0.75, 0.75),
    Box(0.0, 0.0, 0.5, 0.5),
    Box(0.5, 0.0, 1.0, 0.5),
    Box(0.0, 0.5, 0.5, 1.0),
    Box(0.5, 0.5, 1.0, 1.0),
)


def proposals(image: Image.Image, count: int = 6) -> list[Box]:
    """Up to `count` boxes to look at: things on a plain ground, then what stands out, then parts of a grid.

    Things are connected components that differ from the colour of the border. What stands out is by the
    spectral residual (Hou and Zhang, CVPR 2007).

    Example:
        >>> image = Image.new("RGB", (100, 100), "white")
        >>> image.paste("red", (60, 10, 90, 40))
        >>> [round(edge, 1) for edge in proposals(image, 1)[0]]
        [0.6, 0.1, 0.9, 0.4]
    """
    small = np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST), np.float64)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    ground = np.median(border, axis=0)
    things = np.linalg.norm(small - ground, axis=2) > _GROUND
    salience = _salience(small.mean(axis=2))
    standing_out = salience > salience.mean() + salience.std()
    kept: list[Box] = []
    for box in (*_components(things), *_components(standing_out), *_GRID):
        if all(box.overlap(other) < _ALIKE for other in kept):
            kept.append(box)
    return kept[:count]


def _components(mask: npt.NDArray[np.bool_]) -> Iterable[Box]:
    """Boxes around what hangs together, largest first; specks and what fills the image are left out."""
    from skimage.measure import label, regionprops

    boxes = []
    for region in regionprops(label(mask, connectivity=2)):
        top, left, bottom, right = (edge / _SIDE for edge in region.bbox)
        boxes.append(Box(left, top, right, bottom))
    fit = (box for box in boxes if _LEAST < box.area < _MOST)
    return sorted(fit, key=lambda box: -box.area)


def _salience(grey: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter, uniform_filter

    spectrum = np.fft.fft2(grey)
    size = np.log(np.abs(spectrum) + 1e-9)
    residual = np.exp(size - uniform_filter(size, 3) + 1j * np.angle(spectrum))
    return np.asarray(gaussian_filter(np.abs(np.fft.ifft2(residual)) ** 2, _SIDE / 32))
