"""Answering from the graph: where paths begin, which course comes next, and what a course finds.

A question is answered by entities that paths of relations lead to from the entities it names. One course is
one look: `follow` perceives a path and says what is wrong with it, `next_lead` chooses where to go from
there. Both depend on nothing but what they are given, so a loop can stop, be stored and go on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice, product, takewhile
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np

from kedge.agents.decisions import Finding, Gap, Lead, Link
from kedge.agents.extractive._relation_words import GROUPS, SHARING
from kedge.agents.extractive.alignment import HOP, SUPPORT
from kedge.agents.extractive.lexicon import STOP_WORDS
from kedge.agents.extractive.mentions import read_request
from kedge.agents.extractive.path_search import (
    WIDTH,
    Assessment,
    Course,
    Outlook,
    Path,
    adjust,
    attainable,
    evaluate,
    expected,
    missing,
    perceive,
    ranked,
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

__all__ = ["DOUBT", "Topic", "find_topics", "follow", "next_lead"]

# Doubt above which a finding is not given as an answer, and how much more than what the path falls short it
# weighs that a better one is missing. Set on the calibration halves: answers taken out of the graph leave
# nearly perfect paths to other things, but then the perfect one is missing.
DOUBT: Final = 0.3
MISSING: Final = 8.0
CANDIDATES: Final = 3  # names in a question that are tried as its topic
SURE: Final = 0.8  # how telling a name must be to be joined with another
LINKED: Final = 0.75  # from which score on an entity is a topic that the question does not name literally
LONGEST: Final = 14  # words of a name
KEPT: Final = 8  # views of questions that are kept for their next rounds
JOINED: Final = 12  # paths from each of two topics that are joined with each other
_BRACKETS: Final = re.compile(r"\[([^\[\]\n]+)\]")


@dataclass(frozen=True, slots=True)
class Topic:
    """An entity that a question names: its key, the characters that name it, and how telling the name is."""

    entity: str
    span: tuple[int, int] | None = None
    weight: float = 1.0


async def next_lead(
    question: str,
    graph: KnowledgeGraph,
    encoder: Encoder,
    links: Sequence[Link] = (),
    findings: Sequence[Finding] = (),
) -> Lead | None:
    """Where to look next: from the topics at first, then from the pivot that the best finding names.

    Two names that surely are names are joined first: what both lead to answers. When the paths from one topic
    are exhausted the next topic follows; `None` when nothing is left to try.

    Args:
        question: The question.
        graph: The graph.
        encoder: Compares the question's words with relations; each word is encoded once for each graph.
        links: Entities that its concepts mean, for questions that name none literally.
        findings: What was found so far, in order.
    """
    topics = _topics(question, graph, links)
    if not topics or not _has_facts(graph):
        return None
    if not findings:
        sure = [topic.entity for topic in topics if topic.weight >= SURE]
        return Lead(entities=tuple(sure[:2])) if len(sure) > 1 else Lead(entities=(topics[0].entity,))
    last = findings[-1].lead.entities
    if len(last) > 1:
        return None if findings[-1].answers else Lead(entities=(topics[0].entity,))
    own = [finding for finding in findings if finding.lead.entities == last]
    topic = next((topic for topic in topics if topic.entity == last[0]), Topic(last[0]))
    if any(finding.answers for finding in own):
        outlook = await _outlook(question, graph, encoder, topic, [topic])
        best = evaluate(outlook, _steps(outlook, max(own, key=lambda finding: finding.quality).paths[0]))
        course = adjust(outlook, [_course(outlook, finding.lead) for finding in own], best)
        if course is not None:
            return _lead(outlook, topic, course)
    if topic.weight >= SURE and any(finding.trusted for finding in own):
        return None  # what other names would mean is not worth the time
    tried = {
        entity for finding in findings if len(finding.lead.entities) == 1 for entity in finding.lead.entities
    }
    return next((Lead(entities=(t.entity,)) for t in topics if t.entity not in tried), None)


async def follow(
    question: str,
    graph: KnowledgeGraph,
    encoder: Encoder,
    lead: Lead,
    *,
    without: Collection[str] = (),
) -> Finding:
    """What a lead finds: the best path from its pivot, where it leads, and what is wrong with it.

    Args:
        question: The question.
        graph: The graph.
        encoder: Compares the question's words with relations.
        lead: Where to look.
        without: Keys of entities that no path may reach.
    """
    known = {topic.entity: topic for topic in find_topics(question, graph)}
    topics = [known.get(entity, Topic(entity)) for entity in lead.entities if entity in graph.nx]
    if not topics:
        return _nothing(lead, "no entity of the graph is named in the question")
    matcher = matcher_of(graph, encoder)
    hidden = [matcher.graph.ids[key] for key in without if key in matcher.graph.ids]
    views = [await _outlook(question, graph, encoder, topic, topics, hidden) for topic in topics]
    if len(views) > 1:
        return _joined(lead, views) or _nothing(lead, "no entity is reached from every topic")
    [outlook], [topic] = views, topics
    path = perceive(outlook, _course(outlook, lead))
    if path is None:
        return _nothing(lead, f"nothing leads on from {graph.name(topic.entity)}")
    turn = evaluate(outlook, path)
    doubt = turn.short
    if doubt <= DOUBT:
        doubt += MISSING * missing(outlook, turn)
    frontier = outlook.walker.walk(path)
    answers = _ordered(outlook, frontier.entities, frontier.support, {matcher.graph.ids[topic.entity]})
    name = graph.name(topic.entity)
    return Finding(
        lead=lead,
        answers=tuple(matcher.graph.keys[entity] for entity in answers),
        paths=(_labels(outlook, path),),
        triples=outlook.walker.witness(path, answers[0]),
        coverage=turn.coverage,
        relevance=turn.relevance,
        quality=topic.weight + turn.quality,
        doubt=max(0.0, doubt),
        trusted=doubt <= DOUBT,
        diagnosis=turn.diagnosis,
        gaps=tuple(_gap(name, word) for word in turn.uncovered),
    )


_FACTS: WeakKeyDictionary[KnowledgeGraph, tuple[int, bool]] = WeakKeyDictionary()


def _has_facts(graph: KnowledgeGraph) -> bool:
    """Whether some triple was read from no text.

    Of triples that rules read from texts every other relation is a phrase of its own: paths of them found
    nothing that the passages do not say, and the text is there to be read.
    """
    revision, known = _FACTS.get(graph, (None, False))
    if revision != graph.revision:
        known = any(data["chunk_id"] is None for *_, data in graph.nx.edges(data=True))
        _FACTS[graph] = (graph.revision, known)
    return known


def _topics(question: str, graph: KnowledgeGraph, links: Sequence[Link]) -> list[Topic]:
    """The entities that a question names, or else those that its names are linked to."""
    if named := find_topics(question, graph):
        return named
    linked: dict[str, Topic] = {}
    for link in links:
        if link.score >= LINKED and link.concept.kind == "name":
            at = question.find(link.concept.text)
            span = (at, at + len(link.concept.text)) if at >= 0 else None
            linked.setdefault(link.entity, Topic(link.entity, span, link.score * SURE))
    return list(linked.values())[:CANDIDATES]


async def _outlook(
    question: str,
    graph: KnowledgeGraph,
    encoder: Encoder,
    topic: Topic,
    topics: Sequence[Topic],
    hidden: Sequence[int] = (),
) -> Outlook:
    """How a question looks from one of its topics; what was looked at last is kept for the next round."""
    matcher = matcher_of(graph, encoder)
    others = tuple(other.span for other in topics if other is not topic and other.span)
    view = (question, topic.entity, topic.span, others, tuple(hidden))
    known = _VIEWS.get(matcher, {})
    if view not in known:
        request = read_request(question, topic.span, matcher.phrases, others)
        await matcher.learn([*request.words, *([request.kind] if request.kind else ())])
        outlook = survey(request, matcher, matcher.graph.ids[topic.entity], without=hidden)
        known = {**dict(list(known.items())[1 - KEPT :]), view: outlook}
        _VIEWS[matcher] = known
    return known[view]


_VIEWS: WeakKeyDictionary[RelationMatcher, dict[object, Outlook]] = WeakKeyDictionary()


def _lead(outlook: Outlook, topic: Topic, course: Course) -> Lead:
    return Lead(
        entities=(topic.entity,),
        kept=_labels(outlook, course.pivot),
        wide=course.width > 1,
        tabu=tuple(sorted(_labels(outlook, path) for path in course.tabu)),
    )


def _course(outlook: Outlook, lead: Lead) -> Course:
    tabu = frozenset(_steps(outlook, path) for path in lead.tabu)
    return Course(_steps(outlook, lead.kept), WIDTH if lead.wide else 1, tabu)


def _nothing(lead: Lead, why: str) -> Finding:
    return Finding(lead=lead, gaps=(Gap(kind="relation", target=lead.entities[0], description=why),))


def _gap(name: str, word: str) -> Gap:
    return Gap(kind="relation", target=name, slot=word, description=f"“{word}” of {name}")


def _joined(lead: Lead, views: Sequence[Outlook]) -> Finding | None:
    """What two topics lead to together: the pair of paths that meets most of the question."""
    options = [
        [(evaluate(view, path), view) for path in ranked(view, Course(width=WIDTH), JOINED)] for view in views
    ]
    for pair in sorted(product(*options), key=lambda pair: -_together(pair)):
        (first, view), (second, other) = pair
        ends, more = view.walker.walk(first.path), other.walker.walk(second.path)
        common, left, right = np.intersect1d(ends.entities, more.entities, return_indices=True)
        if not len(common):
            continue
        starts = {int(v.walker.walk(()).entities[0]) for v in views}
        answers = _ordered(view, common, ends.support[left] * more.support[right], starts)
        coverage, doubt = _missed_together(pair)
        hoped = product(*([(evaluate(v, path), v) for _, path in islice(expected(v), JOINED)] for v in views))
        doubt += MISSING * max(0.0, max(map(_together, hoped), default=0.0) - _together(pair))
        return Finding(
            lead=lead,
            answers=tuple(view.walker.graph.keys[entity] for entity in answers),
            paths=(_labels(view, first.path), _labels(other, second.path)),
            triples=(
                *view.walker.witness(first.path, answers[0]),
                *other.walker.witness(second.path, answers[0]),
            ),
            coverage=min(1.0, coverage),
            relevance=(first.relevance + second.relevance) / 2,
            quality=_together(pair),
            doubt=max(0.0, doubt),
            trusted=doubt <= DOUBT,
            diagnosis="sufficient" if doubt <= DOUBT else "coverage",
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


def _steps(outlook: Outlook, labels: Sequence[str]) -> Path:
    """The steps that labels name, as far as the graph has them: it may have changed since."""
    relations = outlook.walker.graph.relations
    known = list(takewhile(lambda label: label.removeprefix("~") in relations, labels))
    return tuple(2 * relations.index(label.removeprefix("~")) + label.startswith("~") for label in known)


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
