"""Plain shapes on a plain ground: their colour, shape and place, panel by panel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Thing", "things"]

_COLOURS = {
    "yellow": (255, 255, 0),
    "black": (0, 0, 0),
    "blue": (0, 153, 255),
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "white": (255, 255, 255),
    "orange": (255, 150, 0),
    "purple": (128, 0, 160),
    "grey": (128, 128, 128),
}
_FILLED = {"square": 1.0, "circle": 0.785, "triangle": 0.5}  # shares of their boxes
_FAR = 40.0  # distance in RGB from the ground
_ALIKE = 60.0  # distance from a pure colour within which a pixel has it
_PLAIN = 2_000  # colours; edges that were smoothed have some
_LEAST = 25  # pixels; what is smaller is noise

Array = npt.NDArray[np.float64]


class Thing(NamedTuple):
    """A shape and its edges in pixels, the last ones excluded; `panel` counts from the left.

    `walls` are the sides of its panel that it touches.
    """

    panel: int
    colour: str
    shape: str
    left: int
    top: int
    right: int
    bottom: int
    walls: frozenset[str]

    @property
    def size(self) -> int:
        """Its longer side."""
        return max(self.right - self.left, self.bottom - self.top)


def things(image: Image.Image) -> list[Thing]:
    """The shapes of an image, from left to right; panels are parted by bars from top to bottom.

    None of a photo or a shaded drawing: it has more than a few colours.

    Example:
        >>> image = Image.new("RGB", (90, 40), "lightgrey")
        >>> image.paste("yellow", (10, 20, 30, 40))
        >>> [(thing.colour, thing.shape, sorted(thing.walls)) for thing in things(image)]
        [('yellow', 'square', ['bottom'])]
    """
    pixels = np.asarray(image.convert("RGB"), np.float64)
    if len(np.unique(pixels.reshape(-1, 3), axis=0)) > _PLAIN:
        return []
    ground = np.median(pixels.reshape(-1, 3), axis=0)
    found = []
    for number, (start, end) in enumerate(_panels(pixels, ground)):
        found += _in_panel(number, pixels[:, start:end], ground, start)
    return found


def _panels(pixels: Array, ground: Array) -> list[tuple[int, int]]:
    """Columns between bars: a bar is one colour from top to bottom, and not that of the ground."""
    plain = pixels.std(axis=0).max(axis=1) < 1.0
    bar = plain & (np.linalg.norm(pixels[0] - ground, axis=1) > _FAR)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], bar, [True]]).astype(int)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _in_panel(number: int, panel: Array, ground: Array, offset: int) -> list[Thing]:
    from skimage.measure import label, regionprops

    height, width = panel.shape[:2]
    names, values = list(_COLOURS), np.array(list(_COLOURS.values()), float)
    distance = np.linalg.norm(panel[:, :, None] - values, axis=3)
    nearest = np.where(distance.min(axis=2) < _ALIKE, distance.argmin(axis=2), -1)
    nearest[np.linalg.norm(panel - ground, axis=2) < _FAR] = -1
    found = []
    for region in regionprops(label(nearest + 1, connectivity=1)):
        top, left, bottom, right = region.bbox
        if region.area < _LEAST:
            continue
        row, column = region.coords[0]
        fill = region.area / ((bottom - top) * (right - left))
        shape = min(_FILLED, key=lambda name: abs(_FILLED[name] - fill))
        sides = {
            "left": left <= 1,
            "top": top <= 1,
            "right": right >= width - 1,
            "bottom": bottom >= height - 1,
        }
        walls = frozenset(side for side, touching in sides.items() if touching)
        colour = names[nearest[row, column]]
        found.append(Thing(number, colour, shape, left + offset, top, right + offset, bottom, walls))
    return sorted(found, key=lambda thing: (thing.panel, thing.left, thing.top))
