"""The closed loop on paths of relations: perceive a path, evaluate it against the question, adjust, choose.

perceive   from the course's pivot, the path that aligns best with the words of the question
evaluate   coverage: the share of what the question says, as far as the graph has words for it, that
           the path meets; drift: the first hop that no word asks for; the kind of the answer
adjust     the pivot is the last hop that is sure to be good; from there the next course looks at many
           paths instead of one, without those that were tried
choose     the best-scoring round, not the last
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from kedge.agents.extractive.alignment import (
    HOP,
    KIND,
    LAST,
    SHARED,
    SUPPORT,
    Account,
    Aligned,
    Grades,
    account,
    extend,
    finish,
    start,
)
from kedge.agents.extractive.mentions import Request
from kedge.agents.extractive.relations import RelationMatcher
from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.walks.compiled import IntArray
from kedge.tools.walks.paths import PathWalker

__all__ = [
    "COVERED",
    "DEPTH",
    "WIDTH",
    "Assessment",
    "Course",
    "Outlook",
    "Path",
    "adjust",
    "attainable",
    "evaluate",
    "expected",
    "missing",
    "perceive",
    "ranked",
    "survey",
]

DEPTH: Final = 3
WIDTH: Final = 64  # paths of one length that are grown further
TRIED: Final = 48  # paths that are walked, best first, until one exists
COVERED: Final = 0.9  # coverage from which on a path may suffice
SHORT: Final = 0.02  # how far below the best thinkable score of its length a path may stay and suffice
UNASKED: Final = 0.2  # what a hop that no word asks for takes from the trust in a path
_LEAST_WEIGHT: Final = 0.15  # of a word that nothing in the graph resembles
_FITTING: Final = 0.5  # share of the best fit to the kind asked for, from which on a path may suffice

Path = tuple[int, ...]
Diagnosis = Literal["sufficient", "coverage", "drift", "kind"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """A question seen from one topic: its words graded against the graph, and where paths lead.

    `usual` gives the steps that many of the entities go on by that a step leads to. `assessed` are the paths
    that were evaluated before: rounds compare themselves with earlier ones.
    """

    request: Request
    grades: Grades
    walker: PathWalker
    usual: Callable[[int], IntArray]
    depth: int = DEPTH
    assessed: dict[Path, Assessment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Course:
    """Where a round begins: the prefix it keeps, how many paths it follows, and what it leaves out."""

    pivot: Path = ()
    width: int = 1
    tabu: frozenset[Path] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a round found and what is wrong with it.

    `uncovered` are the words that the path leaves out, in the order of the walk. `short` is how far the
    path's score stays below that of a path of its length that meets everything as well as the graph could.
    """

    path: Path
    account: Account
    coverage: float
    relevance: float
    short: float
    uncovered: tuple[str, ...]
    diagnosis: Diagnosis

    @property
    def quality(self) -> float:
        """What rounds are compared by."""
        return self.account.score


def survey(
    request: Request,
    matcher: RelationMatcher,
    topic: int,
    *,
    depth: int = DEPTH,
    without: Sequence[int] = (),
) -> Outlook:
    """Grade the words of a question against a graph; the matcher must have learnt them."""
    count = len(request.words)
    naming, reaching = matcher.naming(request.words), matcher.reaching(request.words)
    weights = np.zeros(count, np.float32)
    if count and matcher.steps:
        weights = np.maximum(_LEAST_WEIGHT, np.maximum(naming.max(axis=1), reaching.max(axis=1)))
        weights[-1] *= LAST
        weights /= weights.sum()
    shared = np.zeros(count + 1, np.float32)
    for place in request.sharing:
        shared[max(0, place - 1) : place + 2] = 1.0
    answering = matcher.answering(request.kind) if request.kind else np.zeros(matcher.steps, np.float32)
    grades = Grades(weights, naming, reaching, answering, np.array(request.parted, np.float32), shared)
    return Outlook(request, grades, PathWalker(matcher.graph, [topic], without), matcher.usual, depth)


def perceive(outlook: Outlook, course: Course) -> Path | None:
    """The best path from a course's pivot; `None` when nothing leads on.

    A course of width 1 takes, hop by hop, what looks best at once; a wider one compares whole paths.
    """
    if course.width == 1:
        return _greedy(outlook, course)
    return next(_found(outlook, course), None)


def ranked(outlook: Outlook, course: Course, count: int) -> list[Path]:
    """The `count` best paths of a course that exist in the graph."""
    return [path for path, _ in zip(_found(outlook, course), range(count), strict=False)]


def expected(outlook: Outlook) -> Iterator[tuple[float, Path]]:
    """Paths that the graph has, or that things like these usually have, best first, with scores.

    A film without any actor still lets one expect that the question means its actors.
    """
    walker, usual = outlook.walker, outlook.usual
    own = walker.steps_from(())
    # A step is as usual beside another as it is behind the way to where both begin.
    begins = np.unique(np.concatenate([own, *(usual(step ^ 1) for step in own.tolist())]))
    for score, path in _imagined(outlook, Course(width=WIDTH), begins.astype(np.int32)):
        if all(b in usual(a) for a, b in pairwise(path)) or len(walker.walk(path)):
            yield score, path


def missing(outlook: Outlook, found: Assessment) -> float:
    """By how much a path that one would expect, but that is not there, fits the question better; else 0."""
    for score, path in expected(outlook):
        if score <= found.quality:
            break
        if not len(outlook.walker.walk(path)):
            return score - found.quality
    return 0.0


def evaluate(outlook: Outlook, path: Path) -> Assessment:
    """How well a path meets the question, and what is wrong with it."""
    if path not in outlook.assessed:
        outlook.assessed[path] = _assessed(outlook, path)
    return outlook.assessed[path]


def _assessed(outlook: Outlook, path: Path) -> Assessment:
    grades = outlook.grades
    found = account(grades, path)
    most = attainable(grades)
    wanted = grades.weights * most
    coverage = float((grades.weights * np.array(found.met)).sum() / wanted.sum()) if wanted.sum() else 0.0
    missed = [
        word
        for word, met, best, weight in zip(outlook.request.words, found.met, most, wanted, strict=True)
        if met < best / 2 and weight > _LEAST_WEIGHT**2
    ]
    relevance = float(np.mean(found.named)) if path else 0.0
    short = _ideal(grades, path) - found.score + UNASKED * (found.drifted is not None)
    fit, best_fit = float(grades.answering[path[-1]]), float(grades.answering.max(initial=0.0))
    shares = not grades.shared.any() or any(b == a ^ 1 for a, b in pairwise(path))
    diagnosis: Diagnosis = "sufficient"
    if found.drifted is not None:
        diagnosis = "drift"
    elif coverage < COVERED or short > SHORT or not shares:
        diagnosis = "coverage"
    elif fit < _FITTING * best_fit:
        diagnosis = "kind"
    return Assessment(path, found, min(1.0, coverage), relevance, short, tuple(missed), diagnosis)


def adjust(outlook: Outlook, tried: Sequence[Course], last: Assessment) -> Course | None:
    """The next course: from the pivot that the diagnosis names, then from the topic; `None` at the end.

    A drift goes back before the hop that drifted. Missing coverage goes back behind the last hop before the
    first word that was left out, since what follows it may have skipped that word. When that does not
    suffice, the first hop itself is in question, and nothing is left to try after the topic.
    """
    path = last.path
    if last.diagnosis == "drift":
        cut = last.account.drifted or 0
    elif last.diagnosis == "kind":
        cut = max(0, len(path) - 1)
    else:
        cut = _before_gap(last)
    for length in (min(cut, outlook.depth - 1), 0):
        course = Course(path[:length], WIDTH, frozenset({path}))
        if all(course.pivot != other.pivot or other.width < WIDTH for other in tried):
            return course
        if any(not other.pivot and other.width == WIDTH for other in tried):
            return None
    return None


def _before_gap(last: Assessment) -> int:
    """How many hops are walked by words that come before the first word that was left out."""
    hops = 0
    for hop, met in zip(last.account.hops, last.account.met, strict=True):
        if hop is None or met <= 0:
            return hops
        hops = max(hops, hop + 1)
    return len(last.path)


def _ideal(grades: Grades, path: Path) -> float:
    """The score of a path of this length that meets every word as well as the graph could."""
    met = float((grades.weights * attainable(grades)).sum())
    kind = KIND * float(grades.answering.max(initial=0.0))
    return met + kind - len(path) * (HOP - SUPPORT) + (SHARED - SUPPORT) * float(grades.shared.any())


def attainable(grades: Grades) -> FloatArray:
    """How well each word could be met, anywhere in the graph."""
    if not grades.naming.size:
        return np.zeros(len(grades.weights), np.float32)
    return np.asarray(np.maximum(grades.naming.max(axis=1), grades.reaching.max(axis=1)), np.float32)


def _along(grades: Grades, path: Path) -> Aligned:
    aligned = start(grades)
    for step in path:
        aligned = extend(grades, aligned, np.zeros(1, np.intp), np.array([step], np.int32))
    return aligned


def _greedy(outlook: Outlook, course: Course) -> Path | None:
    grades, walker = outlook.grades, outlook.walker
    aligned, path, best = _along(grades, course.pivot), course.pivot, -np.inf
    while len(path) < outlook.depth:
        steps = np.array([s for s in walker.steps_from(path) if (*path, int(s)) not in course.tabu], np.int32)
        if not len(steps):
            break
        grown = extend(grades, aligned, np.zeros(len(steps), np.intp), steps)
        scores = finish(grades, grown)
        for at in np.argsort(-scores, kind="stable"):
            if scores[at] <= best or len(walker.walk((*path, int(steps[at])))):
                break
        else:
            break
        if scores[at] <= best:
            break
        aligned, path, best = grown.kept(np.array([at])), (*path, int(steps[at])), float(scores[at])
    return path if len(path) > len(course.pivot) else None


def _found(outlook: Outlook, course: Course) -> Iterator[Path]:
    """Paths of a course that exist in the graph, best first; at most `TRIED` are walked."""
    for _, path in _imagined(outlook, course)[:TRIED]:
        if path not in course.tabu and len(outlook.walker.walk(path)):
            yield path


def _imagined(outlook: Outlook, course: Course, begins: IntArray | None = None) -> list[tuple[float, Path]]:
    """Paths that the graph could have, judging by which steps follow which anywhere, best first.

    `begins` are the steps that are tried first; those that lead on from the pivot when not given.
    """
    grades, walker = outlook.grades, outlook.walker
    graph = walker.graph
    aligned = _along(grades, course.pivot)
    found: list[tuple[float, Path]] = []
    for length in range(len(course.pivot), outlook.depth):
        if length == len(course.pivot):
            steps = walker.steps_from(course.pivot) if begins is None else begins
            rows = np.zeros(len(steps), np.intp)
        else:
            following = [graph.successors(int(path[-1])) for path in aligned.paths]
            rows = np.repeat(np.arange(len(aligned)), [len(steps) for steps in following])
            steps = np.concatenate(following)
        if not len(steps):
            break
        aligned = extend(grades, aligned, rows, steps)
        scores = finish(grades, aligned)
        top = np.argsort(-scores, kind="stable")[:TRIED]
        found += [(float(scores[at]), tuple(aligned.paths[at].tolist())) for at in top]
        aligned = aligned.kept(np.argsort(-aligned.scores.max(axis=1), kind="stable")[: course.width])
    return sorted(found, key=lambda item: (-item[0], len(item[1]), item[1]))
