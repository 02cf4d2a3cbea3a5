"""Aligning the words of a question with paths of relations, many paths at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.walks.compiled import IntArray

__all__ = ["Aligned", "Grades", "extend", "finish", "start"]

HOP: Final = 0.35  # what a hop costs
SUPPORT: Final = 0.32  # what it earns when a word names it
SURELY: Final = 0.75  # from which naming on it earns all of that
KIND_SUPPORT: Final = 0.1  # what it earns when a word only names what it leads to
RETURN: Final = 0.25  # what an unnamed hop earns as the way back of the hop before
SHARED: Final = 0.45  # what the way back earns where the question says that something is shared
PARTED: Final = 0.2  # what it costs a hop to take two words that "of" or a possessive parts
KIND: Final = 0.15  # what the kind of the answer is worth
LAST: Final = 1.3  # the word farthest from the topic names what is asked for: it weighs more


@dataclass(frozen=True, slots=True)
class Grades:
    """How well each word of a question fits each step.

    Attributes:
        weights: Share of each word, shape `(words,)`, sum 1 (0 when there are none).
        naming: Shape `(words, steps)`: the word names the step's relation.
        reaching: Shape `(words, steps)`: the word names what the step leads to.
        answering: Shape `(steps,)`: what the step leads to is of the kind asked for.
        parted: Shape `(words,)`: the word belongs to another fact than the word before.
        shared: Shape `(words + 1,)`: 1 at places between words where something is said to be shared.
    """

    weights: FloatArray
    naming: FloatArray
    reaching: FloatArray
    answering: FloatArray
    parted: FloatArray
    shared: FloatArray


@dataclass(frozen=True, slots=True)
class Aligned:
    """Paths of equal length, in rows, with the best alignments of each so far.

    `paths` has shape `(paths, hops)`. `scores[p, j]` is the best score with the first `j` words taken in.
    """

    paths: IntArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.paths)

    def kept(self, rows: npt.NDArray[np.intp]) -> Aligned:
        """Some of the paths."""
        return Aligned(self.paths[rows], self.scores[rows])


def start(grades: Grades) -> Aligned:
    """The empty path."""
    return Aligned(np.zeros((1, 0), np.int32), np.zeros((1, len(grades.weights) + 1), np.float32))


def extend(grades: Grades, before: Aligned, rows: npt.NDArray[np.intp], steps: IntArray) -> Aligned:
    """Each path `before[rows[i]]` with `steps[i]` behind it."""
    words = len(grades.weights)
    scores = before.scores[rows].copy()
    paths = np.concatenate((before.paths[rows], steps[:, None]), axis=1)
    naming = grades.naming[:, steps]
    support = SUPPORT * np.minimum(1.0, naming / SURELY)
    weighed = naming * grades.weights[:, None]
    if paths.shape[1] == 1:
        # Words may call the topic by its kind, "the film [X]", but not across an "of".
        beside = np.cumprod(1.0 - grades.parted)
        origin = grades.reaching[:, steps ^ 1] * (grades.weights * beside)[:, None]
        for j in range(words):
            np.maximum(scores[:, j + 1], scores[:, j] + origin[j], out=scores[:, j + 1])
    bonus = SHARED * grades.shared * _returns(paths)[:, None]
    entered = scores - HOP + bonus
    bare = entered + np.where(_returns(paths)[:, None], np.maximum(0.0, RETURN - bonus), 0.0)
    named = np.full_like(scores, -np.inf)
    for j in range(words):
        going_on = named[:, j] - PARTED * grades.parted[j]
        taken = np.maximum(going_on, entered[:, j] + support[j]) + weighed[j]
        named[:, j + 1] = np.maximum(going_on, taken)
        np.maximum(entered[:, j + 1], entered[:, j], out=entered[:, j + 1])
        np.maximum(bare[:, j + 1], bare[:, j], out=bare[:, j + 1])
    reaching = grades.reaching[:, steps]
    apart = PARTED * grades.parted[:, None] * naming
    after = np.maximum(bare, named)
    for j in range(words):
        gain = reaching[j] * grades.weights[j] - apart[j]
        first = bare[:, j] + gain + KIND_SUPPORT * reaching[j]
        best = np.maximum(np.maximum(after[:, j + 1], after[:, j] + gain), first)
        after[:, j + 1] = best
    return Aligned(paths, after)


def finish(grades: Grades, aligned: Aligned) -> FloatArray:
    """The score of each path as an answer to the question, shape `(paths,)`."""
    score = aligned.scores.max(axis=1)
    if aligned.paths.shape[1]:
        score = score + KIND * grades.answering[aligned.paths[:, -1]]
    return score


def _returns(paths: IntArray) -> npt.NDArray[np.bool_]:
    """Whether the last step of each path is the way back of the step before, for the first time."""
    back = np.zeros(len(paths), bool)
    if paths.shape[1] > 1:
        back = paths[:, -1] == (paths[:, -2] ^ 1)
    if paths.shape[1] > 2:
        back &= paths[:, -2] != (paths[:, -3] ^ 1)  # to and fro is no way on
    return back
