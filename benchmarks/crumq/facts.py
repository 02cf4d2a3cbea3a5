"""Facts that questions can be composed of: triples about what a document is about, with their quotations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kedge.agents.extractive.lexicon import HONORIFICS, MONTHS
from kedge.benchmarks.crumq.index import plain_title
from kedge.benchmarks.crumq.records import Side, Support
from kedge.benchmarks.crumq.senses import SENSES, Range, Sense, sense_of
from kedge.benchmarks.datasets import Passage
from kedge.tools.knowledge_base import Triple, entity_key
from kedge.tools.knowledge_base.chunking import sentences

__all__ = ["Fact", "Facts", "read_facts"]

LEAST_CONFIDENCE = 0.7
_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][^\d]*")
_FEMALE, _MALE = (
    re.compile(r"\b(?:she|her|daughter|actress)\b", re.IGNORECASE),
    re.compile(r"\b(?:he|his|son)\b", re.IGNORECASE),
)
_WORKS = ("film", "album", "song", "single", "novel", "book", "series", "play", "opera", "game", "magazine",
          "show", "episode", "musical", "story", "comedy", "drama")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """What a document says of its subject: its `sense` is `object`; `target` is the object's document.

    `others` are values that the document gives as well, where a place lies in several.
    """

    document: str
    subject: str
    sense: Sense
    object: str
    quote: str
    target: str | None = None
    others: tuple[str, ...] = ()

    def support(self, side: Side) -> Support:
        """The fact as a support of a question."""
        return Support(
            document=self.document,
            side=side,
            quote=self.quote,
            subject=self.subject,
            relation=self.sense.name,
            object=self.object,
        )


@dataclass(frozen=True)
class Facts:
    """All facts by document; `titles` are the names that documents are about, `works` what they are."""

    of: Mapping[str, tuple[Fact, ...]]
    titles: Mapping[str, str]
    works: Mapping[str, str] = field(default_factory=dict)

    def values(self, document: str, range_: Range) -> list[Fact]:
        """The facts of a document that lead to such things."""
        return [fact for fact in self.of.get(document, ()) if fact.sense.range == range_]


def read_facts(passages: Sequence[Passage], triples: Iterable[tuple[str, Triple]]) -> Facts:
    """The facts among triples that come with the ids of their documents.

    A fact is about what its document is about, stands there word for word, and is the only one of its sense.
    A name that two documents are about is nobody's.
    """
    texts = {passage.id: passage for passage in passages}
    titles = {passage.id: plain_title(passage.title) for passage in passages}
    namesakes = Counter(entity_key(title) for title in titles.values())
    homes = {entity_key(title): document for document, title in titles.items()}
    found: defaultdict[str, dict[tuple[str, str], Fact]] = defaultdict(dict)
    works: dict[str, str] = {}
    for document, triple in triples:
        passage, title = texts[document], titles[document]
        if entity_key(triple.subject) not in (entity_key(title), entity_key(passage.title)):
            continue
        if triple.relation == "is":
            works.setdefault(document, _work(triple.object))
            continue
        for fact in _facts(passage, title, triple):
            key = entity_key(fact.object)
            target = homes.get(key) if namesakes[key] == 1 and homes.get(key) != document else None
            name = _kin(triple, fact, texts, target)
            if name is not None and fact.sense.range != "person":
                target = None
            if name is not None:
                settled = Fact(document, title, SENSES[name], fact.object, fact.quote, target)
                found[document].setdefault((name, key), settled)
    return Facts(
        {document: tuple(_single(list(facts.values()))) for document, facts in found.items()},
        {document: title for document, title in titles.items() if namesakes[entity_key(title)] == 1},
        {document: work for document, work in works.items() if work},
    )


def _facts(passage: Passage, title: str, triple: Triple) -> list[Fact]:
    """The triple in the senses that it has: a date is also a year."""
    if triple.confidence < LEAST_CONFIDENCE:
        return []
    readings: list[tuple[Range, str]] = [(kind, triple.object) for kind in _ranges(triple.object)]
    if readings and readings[0][0] == "date":
        readings.append(("year", re.findall(r"\d{4}", triple.object)[-1]))
    parent = triple.relation in ("son of", "daughter of", "child of")
    found = []
    for kind, value in readings:
        sense = SENSES["father"] if parent and kind == "person" else sense_of(triple.relation, kind)
        quote = _quote(passage, value)
        if sense is not None and quote is not None:
            found.append(Fact(passage.id, title, sense, value, quote))
    return found


def _kin(triple: Triple, fact: Fact, texts: Mapping[str, Passage], target: str | None) -> str | None:
    """The sense's name; of a parent whose text does not say "he" or "she" clearly, nothing is known."""
    if triple.relation not in ("son of", "daughter of", "child of"):
        return fact.sense.name
    if target is None:
        return None
    her, him = (len(words.findall(texts[target].text)) for words in (_FEMALE, _MALE))
    return "mother" if her > 2 * him else "father" if him > 2 * her else None


def _ranges(value: str) -> tuple[Range, ...]:
    if re.fullmatch(r"1\d{3}|20\d{2}", value):
        return ("year",)
    words = value.replace(",", " ").split()
    if re.search(r"\b\d{4}\b", value):
        day = any(re.fullmatch(r"\d{1,2}", word) for word in words)
        month = any(word.lower() in MONTHS for word in words)
        return ("date",) if day and month and len(words) == 3 else ()
    if not _NAME.fullmatch(value) or len(words) > 6 or "(" in value:
        return ()
    whole = len(words) > 1 and words[-1][0].isupper() and words[-1].strip(".").lower() not in HONORIFICS
    return ("person", "place", "name") if whole else ("place", "name")


def _quote(passage: Passage, value: str) -> str | None:
    """The first sentence that says this, word for word."""
    for start, end in sentences(passage.text):
        sentence = passage.text[start:end].strip()
        if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", sentence):
            return sentence
    return None


def _single(facts: Sequence[Fact]) -> list[Fact]:
    """One fact for each sense that has one value; of several places any will do."""
    by_sense: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_sense[fact.sense.name].append(fact)
    kept = []
    for same in by_sense.values():
        first = same[0]
        if len(same) == 1:
            kept.append(first)
        elif first.sense.range == "place" and len(same) <= 3:
            others = tuple(fact.object for fact in same[1:])
            kept.append(
                Fact(first.document, first.subject, first.sense, first.object, first.quote, None, others)
            )
    return kept


def _work(description: str) -> str:
    words = description.lower().split()
    return words[-1] if words and words[-1] in _WORKS else ""
