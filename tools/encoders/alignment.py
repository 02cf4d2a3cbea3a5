"""The map from image space to text space: one matrix in closed form, no training.

After SITTA (arXiv 2307.05591) and ReCap (arXiv 2305.15023), which mRAG-gim (arXiv 2508.09170) follows. With
images X and their texts Y, each column standardised on the pairs,

    least squares      W = (XᵀX)⁺ XᵀY
    ridge              W = (XᵀX + αI)⁻¹ XᵀY
    Procrustes         XᵀY = U S Vᵀ,  W = U Vᵀ             the nearest (semi-)orthogonal matrix
    robust Procrustes  the same, five times over, each pair weighing 1 / √(residual + 0.001)

All of them need only sums over the pairs, which `Moments` gathers batch by batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy import linalg

from kedge.errors import InputError, StoreError
from kedge.tools.encoders._protocol import FloatArray

__all__ = ["Alignment", "Moments", "align", "choose", "nearest_captions", "robust"]

Method: TypeAlias = Literal["least_squares", "ridge", "procrustes", "robust_procrustes"]
Matrix: TypeAlias = npt.NDArray[np.float64]
Batches: TypeAlias = Callable[[], Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]]

ALPHAS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
FEW = 0.05  # share of the data below which an orthogonal map is better (SITTA, COCO: between 2.5 and 5 %)
FOLDS = 5
ROUNDS = 5  # of re-weighting
_FLAT = 1e-8  # a column that varies less than this, relative to its size, carries nothing


@dataclass(frozen=True, slots=True)
class Alignment:
    """A map from vectors of images, length d, to unit vectors of texts, length e.

    `matrix` has shape (d, e) and stands between the standardised spaces; means and scales are those of the
    pairs it was fitted on, and `pairs` are their ids.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> images = rng.normal(size=(50, 4))
        >>> found = align(images, images[:, ::-1], "least_squares")
        >>> bool(np.allclose(np.abs(found.matrix), np.eye(4)[::-1]))
        True
    """

    matrix: Matrix
    image_mean: Matrix
    image_scale: Matrix
    text_mean: Matrix
    text_scale: Matrix
    method: Method
    alpha: float = 0.0
    pairs: tuple[str, ...] = ()

    def __call__(self, images: npt.ArrayLike) -> FloatArray:
        """Where texts about these images lie, seen from the middle of all texts: unit rows of shape (n, e).

        The mean of the texts, the same for every image, is left out: with it, texts that say little would be
        near to all images (recall of captions falls by a tenth, measured).

        Raises:
            InputError: the vectors have another length than those it was fitted on.
        """
        rows = np.atleast_2d(np.asarray(images, np.float64))
        if rows.shape[1] != len(self.matrix):
            raise InputError(
                f"the alignment takes image vectors of {len(self.matrix)} numbers, not {rows.shape[1]}",
                fix="use the image encoder that it was fitted with",
            )
        return _unit((rows - self.image_mean) / self.image_scale @ self.matrix * self.text_scale)

    def towards(self, texts: npt.ArrayLike) -> FloatArray:
        """The directions in image space that score best with texts: shape (n, e) in, unit rows (n, d) out.

        The order of images by their cosine with it is that of their mapped vectors by the inner product, so
        that one index of image vectors serves both images and texts, whatever map is fitted later.
        """
        rows = (np.atleast_2d(np.asarray(texts, np.float64)) - self.text_mean) / self.text_scale
        return _unit(rows @ self.matrix.T / self.image_scale)

    def save(self, path: Path) -> None:
        """Write it to a safetensors file, whole or not at all."""
        part = path.with_suffix(".part")
        facts = {"method": self.method, "alpha": repr(self.alpha), "pairs": json.dumps(self.pairs)}
        save_file({name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}, part, metadata=facts)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it from a file.

        Raises:
            StoreError: the file is not there, or holds something else.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                facts = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
                return cls(
                    **arrays,
                    method=facts["method"],
                    alpha=float(facts["alpha"]),
                    pairs=tuple(json.loads(facts["pairs"])),
                )
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise StoreError(f"{path}: is not an alignment: {error}", fix="fit it anew") from error


_ARRAYS = ("matrix", "image_mean", "image_scale", "text_mean", "text_scale")


class Moments:
    """Means and products of pairs of vectors, gathered batch by batch in float64.

    Batches are merged by Chan's update (1979), which stays exact where plain sums of squares would not.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> images, texts = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
        >>> moments = Moments()
        >>> for start in range(0, 60, 20):
        ...     moments.add(images[start : start + 20], texts[start : start + 20])
        >>> whole = align(images, texts, "ridge")
        >>> bool(np.allclose(moments.solve("ridge").matrix, whole.matrix))
        True
    """

    def __init__(self) -> None:
        self.weight = 0.0
        self._mean = np.zeros(0)
        self._products = np.zeros((0, 0))
        self._split = 0

    def add(self, images: npt.ArrayLike, texts: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> None:
        """Take in pairs: shapes (n, d) and (n, e), and (n,) for weights, which are 1 by default.

        Raises:
            InputError: the shapes do not go together, or a number is not finite.
        """
        x, y = _pair(images, texts)
        if not len(x):
            return
        rows = np.hstack([x, y])
        if not self.weight:
            self._split = x.shape[1]
            self._mean = np.zeros(rows.shape[1])
            self._products = np.zeros((rows.shape[1], x.shape[1] + y.shape[1]))
        if (self._split, len(self._mean)) != (x.shape[1], rows.shape[1]):
            raise InputError(
                "pairs of different lengths cannot be gathered", fix="use one encoder for each side"
            )
        w = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
        total = float(w.sum())
        mean = w @ rows / total
        centred = (rows - mean) * np.sqrt(w)[:, None]
        shift = mean - self._mean
        together = self.weight + total
        self._products += centred.T @ centred + np.outer(shift, shift) * (self.weight * total / together)
        self._mean += shift * (total / together)
        self.weight = together

    def solve(self, method: Method, alpha: float = 1.0, pairs: Sequence[str] = ()) -> Alignment:
        """The map for what was gathered; `alpha` is used by ridge alone.

        Raises:
            InputError: fewer than two pairs were gathered.
        """
        if self.weight <= 1:
            raise InputError("an alignment needs at least two pairs", fix="give more images with texts")
        d = self._split
        spread = np.sqrt(np.diag(self._products) / self.weight)
        scale = np.where(spread > _FLAT * np.maximum(1.0, np.abs(self._mean)), spread, np.inf)
        standard = self._products / scale[:, None] / scale
        own, cross = standard[:d, :d], standard[:d, d:]
        scale = np.where(np.isinf(scale), 1.0, scale)
        return Alignment(
            _SOLVERS[method](own, cross, alpha),
            self._mean[:d].copy(),
            scale[:d],
            self._mean[d:].copy(),
            scale[d:],
            method,
            alpha if method == "ridge" else 0.0,
            tuple(pairs),
        )


def align(
    images: npt.ArrayLike,
    texts: npt.ArrayLike,
    method: Method | None = None,
    *,
    alpha: float = 1.0,
    pairs: Sequence[str] = (),
    owners: Sequence[str] | None = None,
    share: float | None = None,
) -> Alignment:
    """Fit the map on pairs of vectors, shapes (n, d) and (n, e); without a method, by the one to `choose`.

    Raises:
        InputError: the shapes do not go together, or there are fewer than two pairs.
    """
    x, y = _pair(images, texts)
    if method is None:
        method, alpha = choose(x, y, owners or [str(row) for row in range(len(x))], share=share)
    if method == "robust_procrustes":
        return robust(lambda: [(x, y)], pairs=pairs)
    return _gathered([(x, y)]).solve(method, alpha, pairs)


def robust(batches: Batches, *, rounds: int = ROUNDS, pairs: Sequence[str] = ()) -> Alignment:
    """Procrustes that mistrusts pairs which do not fit; `batches` gives all of them anew for each round.

    Means and scales are those of all pairs, so that rounds differ in their rotation alone.
    """
    plain = _gathered(batches()).solve("procrustes")
    rotation = plain.matrix
    for _ in range(rounds):
        cross = np.zeros(rotation.shape)
        for images, texts in batches():
            x, y = _pair(images, texts)
            x, y = (x - plain.image_mean) / plain.image_scale, (y - plain.text_mean) / plain.text_scale
            # The largest weight is 1 in the paper; a factor common to all changes no rotation.
            weights = (1 / (np.linalg.norm(x @ rotation - y, axis=1) + 1e-3)) ** 0.5
            cross += (x * weights[:, None]).T @ y
        rotation = _rotation(cross)
    kept = (plain.image_mean, plain.image_scale, plain.text_mean, plain.text_scale)
    return Alignment(rotation, *kept, "robust_procrustes", 0.0, tuple(pairs))


def choose(
    images: npt.ArrayLike, texts: npt.ArrayLike, owners: Sequence[str], *, share: float | None = None
) -> tuple[Method, float]:
    """Which method, and which alpha, finds the texts of images that it was not fitted on.

    Below `FEW` of all the images that will be searched (`share`), or with too few images to hold some back,
    it is Procrustes. Otherwise methods are compared by cross-validation: those of an image's own texts that
    rank first among the texts held back, as mean reciprocal rank. Pairs of one owner are held back together.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> images = rng.normal(size=(40, 3))
        >>> choose(images, images @ rng.normal(size=(3, 5)), [str(i) for i in range(40)], share=0.01)
        ('procrustes', 0.0)
    """
    x, y = _pair(images, texts)
    names = sorted(set(owners))
    if len(names) < 2 * FOLDS or (share is not None and share < FEW):
        return "procrustes", 0.0
    candidates: list[tuple[Method, float]] = [("ridge", alpha) for alpha in ALPHAS]
    if share is None:
        candidates.append(("procrustes", 0.0))
    fold_of = {name: place % FOLDS for place, name in enumerate(names)}
    folds = np.array([fold_of[owner] for owner in owners])
    held = np.asarray(owners)
    scores = np.zeros(len(candidates))
    for fold in range(FOLDS):
        out = folds == fold
        moments = _gathered([(x[~out], y[~out])])
        for number, (method, alpha) in enumerate(candidates):
            mapped = moments.solve(method, alpha)(x[out])
            scores[number] += _reciprocal_rank(mapped @ _unit(y[out]).T, held[out]) * out.sum() / len(x)
    return candidates[int(scores.argmax())]


def nearest_captions(
    mapped: FloatArray, captions: FloatArray, owners: Sequence[str], own: str | None, k: int
) -> list[tuple[int, float]]:
    """Rows of the captions nearest to one mapped image, with their cosines; never those of the image `own`.

    Args:
        mapped: What an `Alignment` made of the image, shape (e,).
        captions: Unit rows, shape (n, e).
        owners: The image that each caption was written for.
        own: The image itself, where it is one of them.
        k: How many.

    Example:
        >>> nearest_captions(np.array([1, 0], np.float32), np.eye(2, dtype=np.float32), ["a", "b"], "a", 5)
        [(1, 0.0)]
    """
    cosines = captions @ mapped
    order = np.argsort(-cosines, kind="stable")
    found = [(int(row), float(cosines[row])) for row in order if own is None or owners[row] != own]
    return found[:k]


# --- inside -------------------------------------------------------------------------------------------------


def _least_squares(own: Matrix, cross: Matrix, alpha: float) -> Matrix:
    """Of minimal norm where columns depend on each other."""
    return np.asarray(linalg.pinvh(own) @ cross)


def _ridge(own: Matrix, cross: Matrix, alpha: float) -> Matrix:
    return np.asarray(linalg.solve(own + alpha * np.eye(len(own)), cross, assume_a="pos"))


def _procrustes(own: Matrix, cross: Matrix, alpha: float) -> Matrix:
    return _rotation(cross)


def _rotation(cross: Matrix) -> Matrix:
    left, _, right = linalg.svd(cross, full_matrices=False)
    return np.asarray(left @ right)


_SOLVERS: dict[str, Callable[[Matrix, Matrix, float], Matrix]] = {
    "least_squares": _least_squares,
    "ridge": _ridge,
    "procrustes": _procrustes,
}


def _gathered(batches: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]) -> Moments:
    moments = Moments()
    for images, texts in batches:
        moments.add(images, texts)
    return moments


def _pair(images: npt.ArrayLike, texts: npt.ArrayLike) -> tuple[Matrix, Matrix]:
    x, y = np.asarray(images, np.float64), np.asarray(texts, np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise InputError(
            f"image vectors {x.shape} and text vectors {y.shape} are no pairs",
            fix="give one row for each pair",
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("a vector holds a number that is not finite", fix="check the encoders")
    return x, y


def _unit(rows: Matrix) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0), np.float32)


def _reciprocal_rank(cosines: FloatArray, owners: npt.NDArray[np.str_]) -> float:
    """Mean over rows of 1 / rank of the first column that has the row's owner."""
    own = owners[:, None] == owners
    best = np.where(own, cosines, -np.inf).max(axis=1)
    return float((1 / (1 + ((cosines > best[:, None]) & ~own).sum(axis=1))).mean())
