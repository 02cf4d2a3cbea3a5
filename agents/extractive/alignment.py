"""Aligning the words of a question with paths of relations, many paths at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.walks.compiled import IntArray

__all__ = ["Account", "Aligned", "Grades", "account", "extend", "finish", "start"]

HOP: Final = 0.5  # what a hop costs
SUPPORT: Final = 0.47  # what it earns when a word names it
SURELY: Final = 0.5  # from which naming on it earns all of that
KIND_SUPPORT: Final = 0.1  # what it earns when a word only names what it leads to
RETURN: Final = 0.4  # what an unnamed hop earns as the way back of the hop before
SHARED: Final = 0.6  # what the way back earns instead where the question says that something is shared
SWING: Final = 0.1  # what a hop costs on top that goes to and fro: the way back of the way back
PARTED: Final = 0.2  # what it costs a hop to take two words that "of" or a possessive parts
NAMED: Final = 0.3  # from which on a word counts as naming a relation
KIND: Final = 0.25  # what the kind of the answer is worth
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
    # Tables have a row for each word, or one more: the best with the words before it, for all paths at once.
    words, parting = len(grades.weights), PARTED * grades.parted
    scores = before.scores[rows].T.copy()
    paths = np.concatenate((before.paths[rows], steps[:, None]), axis=1)
    naming, reaching = grades.naming[:, steps], grades.reaching[:, steps]
    if paths.shape[1] == 1:
        # Words may call the topic by its kind, "the film [X]", but not across an "of".
        beside = np.cumprod(1.0 - grades.parted)
        origin = grades.reaching[:, steps ^ 1] * (grades.weights * beside)[:, None]
        for j in range(words):
            np.maximum(scores[j + 1], scores[j] + origin[j], out=scores[j + 1])
    back = _returns(paths)
    entered = scores - HOP - SWING * _swings(paths)
    # Where the question says "the same", the way back needs no other word.
    granted = entered + np.where(back & (grades.shared > 0)[:, None], SHARED, -np.inf)
    bare = np.where(back, np.maximum(granted, entered + RETURN), entered)
    for table in (entered, granted, bare):  # a word may be left out: what was reached without it stays
        np.maximum.accumulate(table, axis=0, out=table)
    fresh = np.maximum(entered[:-1] + SUPPORT * np.minimum(1.0, naming / SURELY), granted[:-1])
    weighed = naming * grades.weights[:, None]
    named = np.full_like(scores, -np.inf)
    for j in range(words):
        going_on = named[j] - parting[j]
        np.maximum(going_on, np.maximum(going_on, fresh[j]) + weighed[j], out=named[j + 1])
    gain = reaching * grades.weights[:, None] - parting[:, None] * naming
    after = np.maximum(bare, named)
    np.maximum(after[1:], bare[:-1] + gain + KIND_SUPPORT * reaching, out=after[1:])
    gain = np.maximum(gain, 0.0)
    for j in range(words):
        np.maximum(after[j + 1], after[j] + gain[j], out=after[j + 1])
    return Aligned(paths, after.T)


def finish(grades: Grades, aligned: Aligned) -> FloatArray:
    """The score of each path as an answer to the question, shape `(paths,)`."""
    score = aligned.scores.max(axis=1)
    if aligned.paths.shape[1]:
        score = score + KIND * grades.answering[aligned.paths[:, -1]]
    return np.asarray(score, np.float32)


def _returns(paths: IntArray) -> npt.NDArray[np.bool_]:
    """Whether the last step of each path is the way back of the step before, for the first time."""
    back = np.zeros(len(paths), bool)
    if paths.shape[1] > 1:
        back = paths[:, -1] == (paths[:, -2] ^ 1)
    return back & ~_swings(paths)


def _swings(paths: IntArray) -> npt.NDArray[np.bool_]:
    """Whether the last three steps of each path walk one relation to and fro and to."""
    if paths.shape[1] < 3:
        return np.zeros(len(paths), bool)
    there = paths[:, -1]
    return np.asarray((there == (paths[:, -2] ^ 1)) & (there == paths[:, -3]))


@dataclass(frozen=True, slots=True)
class Account:
    """How one path meets a question, word by word and hop by hop.

    Attributes:
        score: The same as `finish` gives.
        hops: For each word, the hop that took it, counted from 0; -1 for a word that calls the topic by its
            kind, `None` for a word that nothing took.
        met: For each word, how well it was met, 0 to 1.
        named: For each hop, whether a word names its relation.
        drifted: The first hop that no word asks for, if there is one.
    """

    score: float
    hops: tuple[int | None, ...]
    met: tuple[float, ...]
    named: tuple[bool, ...]
    drifted: int | None


_Trail = tuple[tuple[int, int, float], ...]  # (word, hop, how well), then `(-1, hop, 1)` for a named hop
_State = tuple[float, _Trail]


def account(grades: Grades, path: tuple[int, ...]) -> Account:
    """Follow the best alignment of one path: the same rules as `extend`, with a record of what was taken."""
    words = len(grades.weights)
    weights = grades.weights.tolist()
    parted = grades.parted.tolist()
    states: list[_State] = [(0.0, ())] * (words + 1)
    for hop, step in enumerate(path):
        naming = grades.naming[:, step].tolist()
        reaching = grades.reaching[:, step].tolist()
        so_far = np.array([path[: hop + 1]], np.int32)
        back, cost = bool(_returns(so_far)[0]), HOP + SWING * float(_swings(so_far)[0])
        if hop == 0:
            states = _origin(states, weights, parted, grades.reaching[:, step ^ 1].tolist())
        entered = [(score - cost, trail) for score, trail in states]
        granted = [
            (score + SHARED, (*trail, (-1, hop, 1.0))) if back and shared > 0 else (-np.inf, ())
            for (score, trail), shared in zip(entered, grades.shared.tolist(), strict=True)
        ]
        bare = [
            max((score + RETURN * back, trail), free, key=_score)
            for (score, trail), free in zip(entered, granted, strict=True)
        ]
        named: list[_State] = [(-np.inf, ())] * (words + 1)
        for j in range(words):
            going_on = (named[j][0] - PARTED * parted[j], named[j][1])
            support = SUPPORT * min(1.0, naming[j] / SURELY)
            fresh = (entered[j][0] + support, (*entered[j][1], (-1, hop, naming[j])))
            base = max(going_on, fresh, granted[j], key=_score)
            taken = (base[0] + weights[j] * naming[j], (*base[1], (j, hop, naming[j])))
            named[j + 1] = max(going_on, taken, key=_score)
            for row in (entered, granted, bare):
                row[j + 1] = max(row[j + 1], row[j], key=_score)
        after = [max(pair, key=_score) for pair in zip(bare, named, strict=True)]
        for j in range(words):
            gain = reaching[j] * weights[j] - PARTED * parted[j] * naming[j]
            mark = ((j, hop, reaching[j]),)
            on = (after[j][0] + gain, (*after[j][1], *mark))
            first = (bare[j][0] + gain + KIND_SUPPORT * reaching[j], (*bare[j][1], *mark))
            after[j + 1] = max(after[j + 1], after[j], on, first, key=_score)
        states = after
    score, trail = max(states, key=_score)
    return _accounted(grades, path, score, trail)


def _origin(
    states: list[_State], weights: list[float], parted: list[float], reaching: list[float]
) -> list[_State]:
    """Words that call the topic by its kind."""
    found = list(states)
    beside = 1.0
    for j, weight in enumerate(weights):
        beside *= 1.0 - parted[j]
        score, trail = found[j]
        taken = (score + reaching[j] * weight * beside, (*trail, (j, -1, reaching[j] * beside)))
        found[j + 1] = max(found[j + 1], taken, key=_score)
    return found


def _accounted(grades: Grades, path: tuple[int, ...], score: float, trail: _Trail) -> Account:
    hops: list[int | None] = [None] * len(grades.weights)
    met = [0.0] * len(grades.weights)
    named = [False] * len(path)
    for word, hop, how_well in trail:
        if word < 0:
            named[hop] = named[hop] or how_well >= NAMED
        elif how_well > 0:
            hops[word], met[word] = hop, how_well
    asked = [named[hop] or hop in hops for hop in range(len(path))]
    if path:
        score += KIND * float(grades.answering[path[-1]])
    drifted = next((hop for hop, good in enumerate(asked) if not good), None)
    return Account(float(score), tuple(hops), tuple(met), tuple(named), drifted)


def _score(state: _State) -> float:
    return state[0]
