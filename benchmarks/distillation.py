"""Iterative distillation of captions: keep descriptions as good as people's, fit the map anew, keep the best.

After the datastore-augmentation loop of ReCap (arXiv 2305.15023), which mRAG-gim (arXiv 2508.09170) calls
distillation. A description is kept when it scores against the image's captions at least what these score
against each other, each left out in turn. Scores on images held back decide which round is kept; an image
never sees its own captions among its hints.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from kedge.benchmarks.metrics.captions import Cider, words
from kedge.tools.encoders._protocol import Encoder, FloatArray
from kedge.tools.encoders.alignment import Alignment, align, nearest_captions

__all__ = ["Distilled", "Examples", "Round", "distil"]

GAIN = 0.01  # CIDEr-D on the images held back, below which a round is no better
NARROWER = 0.05  # share of the distinct word pairs that a round may lose
HINTS = 5


@dataclass(frozen=True, slots=True)
class Examples:
    """Images with captions: ids, vectors of shape (n, d), and several captions each."""

    ids: tuple[str, ...]
    vectors: FloatArray
    captions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Round:
    """One round: captions beyond the first ones; mean CIDEr-D and distinct pairs on images held back."""

    number: int
    kept: int
    score: float
    distinct: float


@dataclass(frozen=True, slots=True)
class Distilled:
    """The best round's map and its synthetic captions by image, and all rounds in order."""

    alignment: Alignment
    synthetic: tuple[tuple[str, str], ...]
    rounds: tuple[Round, ...] = field(default=())


Describe = Callable[[Sequence[str]], Awaitable[str | None]]


async def distil(
    train: Examples, validation: Examples, encoder: Encoder, describe: Describe, *, rounds: int = 3
) -> Distilled:
    """Describe the training images from each other's captions, keep what is good, and fit the map anew.

    Stops when the score on `validation` does not rise by `GAIN` or its descriptions become narrower by
    `NARROWER`; returns the best round, not the last.
    """
    cider = Cider(train.captions)
    gates = {name: _among(cider, known) for name, known in zip(train.ids, train.captions, strict=True)}
    store = [(name, text) for name, known in zip(train.ids, train.captions, strict=True) for text in known]
    human, best, done = len(store), None, list[Round]()
    for number in range(rounds + 1):
        texts = await encoder.encode([text for _, text in store])
        owners = [name for name, _ in store]
        rows = [train.ids.index(name) for name in owners]
        found = align(train.vectors[rows], texts, owners=owners, pairs=owners)
        said = await _described(validation, found, store, texts, describe, own=False)
        scores = [cider(text, known) for text, known in zip(said, validation.captions, strict=True)]
        turn = Round(number, len(store) - human, float(np.mean(scores)), _distinct(said))
        before = done[-1] if done else None
        done.append(turn)
        if best is None or turn.score > best[0].score:
            best = turn, found, tuple(store[human:])
        if before and (turn.score < before.score + GAIN or turn.distinct < (1 - NARROWER) * before.distinct):
            break
        made = await _described(train, found, store, texts, describe, own=True)
        new = [
            (name, text)
            for name, text, known in zip(train.ids, made, train.captions, strict=True)
            if text and cider(text, known) >= gates[name] and (name, text) not in store
        ]
        if not new:
            break
        store += new
    assert best is not None  # noqa: S101 - there is at least round 0
    return Distilled(best[1], best[2], tuple(done))


async def _described(
    images: Examples,
    found: Alignment,
    store: Sequence[tuple[str, str]],
    texts: FloatArray,
    describe: Describe,
    *,
    own: bool,
) -> list[str]:
    """What is said of each image by the captions nearest to it; with `own`, its own are left out."""
    owners = [name for name, _ in store]
    said = []
    for name, mapped in zip(images.ids, found(images.vectors), strict=True):
        near = nearest_captions(mapped, texts, owners, name if own else None, HINTS)
        said.append(await describe([store[row][1] for row, _ in near]) or "")
    return said


def _among(cider: Cider, captions: Sequence[str]) -> float:
    """The mean score of captions against the others of their image."""
    if len(captions) < 2:
        return float("inf")  # nothing to compare with: nothing is good enough
    others = [(text, [*captions[:n], *captions[n + 1 :]]) for n, text in enumerate(captions)]
    return float(np.mean([cider(text, known) for text, known in others]))


def _distinct(texts: Sequence[str]) -> float:
    """Different pairs of neighbouring words, as a share of all."""
    said = [words(text) for text in texts]
    pairs = [pair for text in said for pair in pairwise(text)]
    return len(set(pairs)) / len(pairs) if pairs else 0.0
