"""Facts that questions can be composed of: triples about what has a name, with their quotations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kedge.agents.extractive.lexicon import HONORIFICS, MONTHS
from kedge.benchmarks.crumq.index import plain_title
from kedge.benchmarks.crumq.records import Side, Support
from kedge.benchmarks.crumq.senses import SENSES, Range, Sense, sense_of
from kedge.benchmarks.datasets import Passage
from kedge.tools.knowledge_base import Triple, entity_key
from kedge.tools.knowledge_base.chunking import sentences

__all__ = ["Fact", "Facts", "read_facts"]

LEAST_CONFIDENCE = 0.7
SURE = 0.75  # of a fact that is not about its document's subject
_PARENTS = ("son of", "daughter of", "child of")
_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][^\d]*")
_FEMALE, _MALE = (
    re.compile(r"\b(?:she|her|daughter|actress)\b", re.IGNORECASE),
    re.compile(r"\b(?:he|his|son)\b", re.IGNORECASE),
)
_WORKS = ("film", "album", "song", "single", "novel", "book", "series", "play", "opera", "game", "magazine",
          "show", "episode", "musical", "story", "comedy", "drama")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """What a document says: `subject`'s `sense` is `object`; `about` and `target` are their keys.

    A target is only there where other documents say more of the object. `others` are values that are said as
    well, where a place lies in several.
    """

    document: str
    about: str
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
    """Facts by the key of what they are about, and what sort of work that is, where it is one."""

    of: Mapping[str, tuple[Fact, ...]]
    works: Mapping[str, str] = field(default_factory=dict)

    def values(self, about: str, range_: Range) -> list[Fact]:
        """The facts about something that lead to such things."""
        return [fact for fact in self.of.get(about, ()) if fact.sense.range == range_]


def read_facts(passages: Sequence[Passage], triples: Iterable[tuple[str, Triple]]) -> Facts:
    """The facts among triples that come with the ids of their documents.

    A fact stands in its document word for word, and all documents agree on it. It is about what its document
    is about; or, where the rules were sure, about whatever the same sentence names in full. A title that two
    documents have is nobody's name.
    """
    texts = {passage.id: passage for passage in passages}
    titles = {passage.id: plain_title(passage.title) for passage in passages}
    namesakes = Counter(map(entity_key, titles.values()))
    found: defaultdict[str, list[Fact]] = defaultdict(list)
    works: dict[str, str] = {}
    for document, triple in _both_ways(triples):
        passage, title = texts[document], titles[document]
        own = entity_key(triple.subject) in (entity_key(title), entity_key(passage.title))
        subject = title if own else triple.subject
        key = entity_key(subject)
        if namesakes[key] > 1:
            continue
        if own and triple.relation == "is":
            works.setdefault(key, _work(triple.object))
        for fact in _facts(passage, key, subject, triple):
            if own or _is_named(fact, triple):
                found[key].append(fact)
    agreed = {key: _agreed(facts) for key, facts in found.items()}
    texts_of: defaultdict[str, list[str]] = defaultdict(list)
    for document, title in titles.items():
        texts_of[entity_key(title)].append(texts[document].text)
    linked = {
        key: tuple(told for fact in facts if (told := _linked(fact, agreed, texts_of)) is not None)
        for key, facts in agreed.items()
    }
    return Facts(linked, {key: work for key, work in works.items() if work})


def _both_ways(triples: Iterable[tuple[str, Triple]]) -> Iterator[tuple[str, Triple]]:
    """The triples, and backwards those that say something of their object: who founds is a founder."""
    for document, triple in triples:
        yield document, triple
        label = f"~{triple.relation}"
        if sense_of(label, "person") or sense_of(label, "name"):
            yield document, replace(triple, subject=triple.object, relation=label, object=triple.subject)


def _facts(passage: Passage, key: str, subject: str, triple: Triple) -> list[Fact]:
    """The triple in the senses that it has: a date is also a year."""
    if triple.confidence < LEAST_CONFIDENCE:
        return []
    readings: list[tuple[Range, str]] = [(kind, triple.object) for kind in _ranges(triple.object)]
    if readings and readings[0][0] == "date":
        readings.append(("year", re.findall(r"\d{4}", triple.object)[-1]))
    found = []
    for kind, value in readings:
        parent = triple.relation in _PARENTS and kind == "person"
        sense = SENSES["parent"] if parent else sense_of(triple.relation, kind)
        quote = _quote(passage, value, subject)
        if sense is not None and quote is not None:
            found.append(Fact(passage.id, key, subject, sense, value, quote))
    return found


def _is_named(fact: Fact, triple: Triple) -> bool:
    """Whether a fact about something else than its document's subject can stand alone."""
    named = len(fact.subject.split()) > 1 and _NAME.fullmatch(fact.subject)
    return bool(named) and triple.confidence >= SURE and fact.subject in fact.quote


def _linked(
    fact: Fact, agreed: Mapping[str, Sequence[Fact]], texts: Mapping[str, Sequence[str]]
) -> Fact | None:
    """The fact with its target, if others speak of the object; a parent is told by "he" or "she" there."""
    key = entity_key(fact.object)
    known = fact.sense.range == "person" and any(f.document != fact.document for f in agreed.get(key, ()))
    target = key if known and key != fact.about else None
    if fact.sense.name != "parent":
        return replace(fact, target=target)
    text = " ".join(texts.get(key, ()))
    her, him = len(_FEMALE.findall(text)), len(_MALE.findall(text))
    name = "mother" if her > 2 * him else "father" if him > 2 * her else None
    return replace(fact, sense=SENSES[name], target=target) if name and target else None


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


def _quote(passage: Passage, value: str, subject: str) -> str | None:
    """The first sentence that says this word for word; best one that names the subject, too."""
    whole = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
    said = (passage.text[start:end].strip() for start, end in sentences(passage.text))
    found = [sentence for sentence in said if whole.search(sentence)]
    return next((sentence for sentence in found if subject in sentence), next(iter(found), None))


def _agreed(facts: Sequence[Fact]) -> list[Fact]:
    """One fact for each sense on whose value all agree; of several places any will do."""
    by_sense: defaultdict[str, dict[str, Fact]] = defaultdict(dict)
    for fact in facts:
        # Of two parents each may be told from the other.
        name = f"parent {entity_key(fact.object)}" if fact.sense.name == "parent" else fact.sense.name
        by_sense[name].setdefault(entity_key(fact.object), fact)
    kept = []
    for same in by_sense.values():
        first, *more = same.values()
        if not more or (first.sense.range == "place" and len(more) < 3):
            kept.append(replace(first, others=tuple(fact.object for fact in more)))
    return kept


def _work(description: str) -> str:
    words = description.lower().split()
    return words[-1] if words and words[-1] in _WORKS else ""
