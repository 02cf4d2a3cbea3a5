"""Answering a question from the graph alone: topics, paths of relations, and a loop that corrects itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from kedge.agents.decisions import AbstentionReason
from kedge.agents.extractive._relation_words import GROUPS, SHARING
from kedge.agents.extractive.alignment import HOP, SUPPORT
from kedge.agents.extractive.lexicon import STOP_WORDS
from kedge.agents.extractive.mentions import read_request
from kedge.agents.extractive.path_search import (
    WIDTH,
    Assessment,
    Course,
    Outlook,
    attainable,
    chosen,
    evaluate,
    perceive,
    ranked,
    rounds_of,
    survey,
)
from kedge.agents.extractive.relations import RelationMatcher, matcher_of
from kedge.agents.extractive.spans import tokens
from kedge.tools.encoders._protocol import Encoder, FloatArray
from kedge.tools.knowledge_base.records import entity_key
from kedge.tools.walks.compiled import IntArray
from kedge.tools.walks.paths import step_label

if TYPE_CHECKING:
    from kedge.tools.knowledge_base.graph import KnowledgeGraph

__all__ = [
    "DOUBT",
    "GraphAnswer",
    "PathRound",
    "Topic",
    "answer_from_graph",
    "answer_of",
    "find_topics",
    "outlook_of",
]

DOUBT: Final = 0.2  # doubt above which the graph does not answer; set on the calibration halves
CANDIDATES: Final = 3  # names in a question that are tried as its topic
SURE: Final = 0.8  # how telling a name must be to be joined with another
LONGEST: Final = 14  # words of a name
JOINED: Final = 12  # paths from each of two topics that are joined with each other
_BRACKETS: Final = re.compile(r"\[([^\[\]\n]+)\]")


@dataclass(frozen=True, slots=True)
class Topic:
    """An entity that a question names: its key, the characters that name it, and how telling the name is."""

    entity: str
    span: tuple[int, int] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PathRound:
    """One round, for traces: the pivot it kept, the path it found, and what evaluation said."""

    pivot: tuple[str, ...]
    path: tuple[str, ...]
    coverage: float
    relevance: float
    short: float
    uncovered: tuple[str, ...]
    diagnosis: str
    quality: float


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """What the graph answers, or why it does not.

    Attributes:
        answers: Keys of the entities that answer, best first; empty when `reason` says why.
        paths: The path from each topic, as labels of steps (`~` is the way back).
        triples: Ids of triples that join each topic with the first answer.
        coverage: How much of the question the best round met, 0 to 1.
        doubt: How far the best round stays below what a path could have met, 0 is best.
        rounds: Every round that found a path, in order.
        best: Which round was chosen.
        reason: Why there is no answer.
        note: What else should be known, such as that a hub was cut.
    """

    answers: tuple[str, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()
    triples: tuple[int, ...] = ()
    coverage: float = 0.0
    doubt: float = 0.0
    rounds: tuple[PathRound, ...] = ()
    best: int = 0
    reason: AbstentionReason | None = None
    note: str = ""


async def answer_from_graph(
    question: str,
    graph: KnowledgeGraph,
    encoder: Encoder,
    *,
    topics: Sequence[Topic] | None = None,
    rounds: int = 3,
    doubt: float = DOUBT,
    without: Sequence[str] = (),
) -> GraphAnswer:
    """Answer a question by the path of relations that fits it best.

    Args:
        question: The question.
        graph: The graph.
        encoder: Compares the question's words with relations; each word is encoded once for each graph.
        topics: What the question is about; found in the question when not given. Two topics are joined:
            what both paths lead to answers.
        rounds: How often the first path may be adjusted; 0 takes the first path as it is.
        doubt: How much doubt an answer may be in; what is in more is not given.
        without: Keys of entities that no path may reach.
    """
    guessed = topics is None
    named = find_topics(question, graph) if topics is None else list(topics)
    known = [topic for topic in named if topic.entity in graph.nx][:CANDIDATES]
    if not known:
        return GraphAnswer(reason="out of corpus", note="no entity of the graph is named in the question")
    matcher = matcher_of(graph, encoder)
    hidden = [matcher.graph.ids[key] for key in without if key in matcher.graph.ids]
    sure = [topic for topic in known if topic.weight >= SURE]
    together = sure if guessed else known
    if len(together) > 1:
        views = [await _view(question, matcher, topic, together[:2], hidden) for topic in together[:2]]
        if (joined := _joined(views, rounds)) is not None:
            return _trusted(joined, doubt)
        if not guessed:
            return GraphAnswer(reason="missing hop", note="no entity is reached from every topic")
    best: tuple[float, GraphAnswer] | None = None
    for topic in known if guessed else known[:1]:
        found = _closed(await _view(question, matcher, topic, [topic], hidden), rounds)
        worth = topic.weight + max((turn.quality for turn in found.rounds), default=-1.0)
        if best is None or worth > best[0]:
            best = worth, found
        if topic.weight >= SURE and best[1].doubt <= doubt and best[1].answers:
            break  # what other names would mean is not worth the time
    return _trusted(best[1], doubt) if best else GraphAnswer(reason="missing hop")


async def outlook_of(question: str, graph: KnowledgeGraph, encoder: Encoder, topic: Topic) -> Outlook:
    """How a question looks from one topic, for those who run the rounds themselves."""
    return await _view(question, matcher_of(graph, encoder), topic, [topic], ())


async def _view(
    question: str, matcher: RelationMatcher, topic: Topic, topics: Sequence[Topic], hidden: Sequence[int]
) -> Outlook:
    others = [other.span for other in topics if other is not topic and other.span]
    request = read_request(question, topic.span, matcher.phrases, others)
    await matcher.learn([*request.words, *([request.kind] if request.kind else ())])
    return survey(request, matcher, matcher.graph.ids[topic.entity], without=hidden)


def answer_of(outlook: Outlook, found: Sequence[tuple[Course, Assessment]]) -> GraphAnswer:
    """The answer that the best of these rounds gives."""
    if not found:
        return GraphAnswer(reason="missing hop", note="nothing leads on from the topic")
    best = chosen(found)
    frontier = outlook.walker.walk(best.path)
    topic = int(outlook.walker.walk(()).entities[0])
    answers = _ordered(outlook, frontier.entities, frontier.support, {topic})
    return GraphAnswer(
        answers=tuple(outlook.walker.graph.keys[entity] for entity in answers),
        paths=(_labels(outlook, best.path),),
        triples=outlook.walker.witness(best.path, answers[0]),
        coverage=best.coverage,
        doubt=best.short,
        rounds=tuple(_round(outlook, course, turn) for course, turn in found),
        best=[turn for _, turn in found].index(best),
        note=f"{frontier.cut} entities of a hub were left out" if frontier.cut else "",
    )


def _closed(outlook: Outlook, rounds: int) -> GraphAnswer:
    return answer_of(outlook, rounds_of(outlook, rounds))


def _joined(views: Sequence[Outlook], rounds: int) -> GraphAnswer | None:
    """What two topics lead to together: the pair of paths that meets most of the question."""
    width = WIDTH if rounds else 1
    options = []
    for view in views:
        if rounds:
            paths = ranked(view, Course(width=width), JOINED)
        else:
            paths = [path for path in (perceive(view, Course()),) if path is not None]
        options.append([(evaluate(view, path), view) for path in paths])
    pairs = sorted(product(*options), key=lambda pair: -_together(pair))
    for pair in pairs:
        (first, view), (second, other) = pair
        ends, more = view.walker.walk(first.path), other.walker.walk(second.path)
        common, left, right = np.intersect1d(ends.entities, more.entities, return_indices=True)
        if not len(common):
            continue
        support = ends.support[left] * more.support[right]
        starts = {int(v.walker.walk(()).entities[0]) for v in views}
        answers = _ordered(view, common, support, starts)
        graph = view.walker.graph
        coverage, doubt = _missed_together(pair)
        return GraphAnswer(
            answers=tuple(graph.keys[entity] for entity in answers),
            paths=(_labels(view, first.path), _labels(other, second.path)),
            triples=(
                *view.walker.witness(first.path, answers[0]),
                *other.walker.witness(second.path, answers[0]),
            ),
            coverage=coverage,
            doubt=doubt,
            rounds=tuple(_round(v, Course(width=width), turn) for turn, v in pair),
        )
    return None


_Pair = tuple[tuple[Assessment, Outlook], ...]


def _words_together(pair: _Pair) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For each word of the question: how well either path meets it, how well the graph could, its weight."""
    table: dict[int, tuple[float, float, float]] = {}
    for turn, view in pair:
        could, weights = attainable(view.grades).tolist(), view.grades.weights.tolist()
        rows = zip(turn.account.met, could, weights, strict=True)
        for place, row in zip(view.request.places, rows, strict=True):
            known = table.get(place, (0.0, 0.0, 0.0))
            table[place] = (max(known[0], row[0]), max(known[1], row[1]), max(known[2], row[2]))
    met, best, share = np.array(list(table.values()), np.float32).reshape(-1, 3).T
    return met, best, share / max(float(share.sum()), 1e-9)


def _earned(turn: Assessment, view: Outlook) -> float:
    """What a path earns and costs by its hops, whatever words it meets."""
    return turn.account.score - float(view.grades.weights @ np.array(turn.account.met, np.float32))


def _together(pair: _Pair) -> float:
    """The score of two paths: what they meet together, plus what each earns and costs by its hops."""
    met, _, weights = _words_together(pair)
    return float(weights @ met) + sum(_earned(turn, view) for turn, view in pair)


def _missed_together(pair: _Pair) -> tuple[float, float]:
    """The coverage of two paths together, and how far they stay below what the graph could meet."""
    met, best, weights = _words_together(pair)
    wanted = float(weights @ best)
    wasted = sum(max(0.0, -_earned(turn, view) - (HOP - SUPPORT) * len(turn.path)) for turn, view in pair)
    return float(weights @ met) / wanted if wanted else 0.0, wanted - float(weights @ met) + wasted


def _ordered(outlook: Outlook, entities: IntArray, support: IntArray, last: set[int]) -> list[int]:
    """Answers by how many edges lead to them; a topic answers for itself only when nothing else does."""
    keys = outlook.walker.graph.keys
    pairs = zip(entities.tolist(), support.tolist(), strict=True)
    return [entity for entity, _ in sorted(pairs, key=lambda p: (p[0] in last, -p[1], keys[p[0]]))]


def _labels(outlook: Outlook, path: Sequence[int]) -> tuple[str, ...]:
    return tuple(step_label(outlook.walker.graph, step) for step in path)


def _round(outlook: Outlook, course: Course, turn: Assessment) -> PathRound:
    return PathRound(
        pivot=_labels(outlook, course.pivot),
        path=_labels(outlook, turn.path),
        coverage=turn.coverage,
        relevance=turn.relevance,
        short=turn.short,
        uncovered=turn.uncovered,
        diagnosis=turn.diagnosis,
        quality=turn.quality,
    )


def _trusted(found: GraphAnswer, doubt: float) -> GraphAnswer:
    """The answer, or none when it is in more doubt than may be."""
    if found.reason is not None or found.doubt <= doubt:
        return found
    note = "the best path leaves too much of the question out"
    return replace(found, answers=(), triples=(), reason="missing hop", note=note)


def find_topics(question: str, graph: KnowledgeGraph) -> list[Topic]:
    """Entities that a question names, the likeliest first: longest names, and of those the most telling.

    A name in brackets, `[Heat]`, is taken at its word. Names inside longer names are left out.
    """
    marked = [(match.start(), match.end(), match[1]) for match in _BRACKETS.finditer(question)]
    told = [Topic(entity_key(name), (start, end)) for start, end, name in marked if name in graph]
    if told:
        return told
    words = tokens(question)
    found: list[Topic] = []
    for first in range(len(words)):
        for last in range(min(len(words), first + LONGEST) - 1, first - 1, -1):
            span = (words[first].start, words[last].end)
            key = entity_key(question[span[0] : span[1]])
            if key in graph.nx and any(c.isalnum() for c in key):
                inner = words[first : last + 1]
                found.append(Topic(key, span, _telling([word.text for word in inner])))
                break
    longest = [topic for topic in found if not any(_within(topic, other) for other in found)]
    return sorted(longest, key=lambda topic: -topic.weight)[:CANDIDATES]


def _within(topic: Topic, other: Topic) -> bool:
    if topic is other or topic.span is None or other.span is None:
        return False
    return other.span[0] <= topic.span[0] and topic.span[1] <= other.span[1]


def _telling(words: Sequence[str]) -> float:
    """How sure it is that words of a question name something, rather than ask for something."""
    total = 0.0
    for at, word in enumerate(words):
        low = word.lower()
        common = low in STOP_WORDS or low in GROUPS or low in SHARING
        capital = word[:1].isupper() or word[:1].isdigit()
        total += (0.6 if capital else 0.1) if common else (1.0 if capital else 0.5)
        total += 0.1 * (at > 0)
    return total
