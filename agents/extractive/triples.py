"""Triples read from text by rule: tables, `key: value` lines, chat lines, and the clauses of prose.

The reading is shallow and prefers silence to a guess: what a rule does not recognise ends the clause.
The relation is the text's own words, in dictionary form where that reads well ("born in", "marry").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from kedge.agents.extractive.clauses import Clauses
from kedge.agents.extractive.entities import Entities, entity_key
from kedge.agents.extractive.lexicon import COMMON_WORDS, HONORIFICS, ORDINARY_ENDINGS
from kedge.agents.extractive.names import find_names
from kedge.agents.extractive.spans import tokens
from kedge.agents.extractive.units import units
from kedge.agents.extractive.values import dates, find_numbers
from kedge.tools.knowledge_base.chunking import sentences
from kedge.tools.knowledge_base.records import Chunk, Extraction, TripleDraft

__all__ = ["extract"]

_MAX_TEXT: Final = 20_000
_MAX_ARGUMENT: Final = 120
_MAX_TRIPLES: Final = 400


def extract(chunk: Chunk) -> Extraction:
    """Triples of a chunk, and every name, date and title it mentions.

    Example:
        >>> text = "Ada Lovell (born 3 June 1912) was a British painter."
        >>> chunk = Chunk(1, "d", "s", "Ada Lovell", "", text, 0, len(text))
        >>> for triple in extract(chunk).triples:
        ...     print(triple.subject, "|", triple.relation, "|", triple.object)
        Ada Lovell | born on | 3 June 1912
        Ada Lovell | country | United Kingdom
        Ada Lovell | is | painter
    """
    text = chunk.text[:_MAX_TEXT]
    if chunk.kind == "code":
        return Extraction()
    entities = Entities(chunk.title, text)
    if chunk.kind == "table" or _looks_like_rows(text):
        return _finish(_rows(text), entities, text)
    return _prose(chunk, text, entities)


def _prose(chunk: Chunk, text: str, entities: Entities) -> Extraction:
    words, when = tokens(text), dates(text)
    found = find_names(text, words, when, entities.known)
    entities.learn(found)
    read: list[TripleDraft] = []
    topic = _topic(chunk, entities)
    speech = _speech(text)
    amounts = [n for n in find_numbers(text, when) if n.unit != "ordinal"]
    spans = sentences(text)
    clauses = Clauses(entities)
    line = 0
    everything = units(words, found, when, amounts)
    at = 0
    for start, end in spans:
        while at < len(everything) and everything[at].start < start:
            at += 1
        stop = at
        while stop < len(everything) and everything[stop].start < end:
            stop += 1
        while line < len(speech) and speech[line].start <= start:
            entities.speaker = speech[line].text
            line += 1
        pair = None if entities.speaker else _pair(text[start:end])
        if pair and topic:
            read += _attributes(topic, *pair)
            found = [n for n in found if not (start <= n.start < end and n.text in pair[0])]
        elif text[end - 1 : end] != "?":
            read += clauses.read(everything[at:stop])
        at = stop
    mentions = (
        [entities.resolve_name(n.text) for n in found] + [s.text for s in speech] + [d.text for d in when]
    )
    return _finish(read, entities, text, mentions)


def _finish(
    read: Iterable[TripleDraft], entities: Entities, text: str, mentions: Sequence[str] = ()
) -> Extraction:
    triples: dict[tuple[str, str, str], TripleDraft] = {}
    for triple in read:
        key = (entity_key(triple.subject), triple.relation, entity_key(triple.object))
        if not all(key) or key[0] == key[2] or max(len(key[0]), len(key[2])) > _MAX_ARGUMENT:
            continue
        if key not in triples or triples[key].confidence < triple.confidence:
            triples[key] = triple
        if len(triples) == _MAX_TRIPLES:
            break
    if not mentions:
        mentions = [argument for t in triples.values() for argument in (t.subject, t.object)]
    named = dict.fromkeys(m for m in (*entities.titles, *mentions) if m and len(m) <= _MAX_ARGUMENT)
    return Extraction(tuple(triples.values()), tuple(named))


# Tables


def _looks_like_rows(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) > 1 and all(line.count(" | ") >= 1 and ": " in line for line in lines if line.strip())


def _rows(text: str) -> list[TripleDraft]:
    """`column: value | column: value`: the first column that is no number names the row."""
    read: list[TripleDraft] = []
    for line in text.splitlines():
        cells = [cell.partition(": ") for cell in line.split(" | ")]
        pairs = [(key.strip(), value.strip()) for key, mark, value in cells if mark and value.strip()]
        subject = next((pair for pair in pairs if not re.fullmatch(r"[\W\d]+", pair[1])), None)
        if subject is None:
            continue
        read += [
            TripleDraft(subject[1], _relation(key), value, 0.9)
            for key, value in pairs
            if (key, value) != subject
        ]
    return read


def _relation(key: str) -> str:
    return re.sub(r"[_\s]+", " ", key).strip(" *_`").lower()


# Lists of "key: value"

_PAIR: Final = re.compile(
    r"(?:[-*•+]\s+|\d{1,2}[.)]\s+)?[*_`]{0,3}(?P<key>[^\W\d_][\w /()'-]{1,38}?)[*_`]{0,3}\s?:[*_`]{0,3}\s+"
    r"(?P<value>\S[^\n]{0,160})\Z"
)


def _pair(sentence: str) -> tuple[str, str] | None:
    match = _PAIR.match(sentence)
    if match is None or len(match["key"].split()) > 4:
        return None
    value = match["value"].strip(" *_`").rstrip(".")
    words = len(value.split())
    return (match["key"], value) if 0 < words <= 10 and not value.startswith(("//", "{", "[")) else None


def _attributes(topic: str, key: str, value: str) -> list[TripleDraft]:
    """One triple a value; a list of capitals is several values."""
    parts = re.split(r",\s+(?:and\s+)?|\s+and\s+|;\s+", value)
    several = len(parts) > 1 and all(part[:1].isupper() and len(part.split()) <= 5 for part in parts)
    several = several and not dates(value)
    return [TripleDraft(topic, _relation(key), part, 0.8) for part in (parts if several else [value])]


def _topic(chunk: Chunk, entities: Entities) -> str:
    """What a bare `key: value` line is about: the nearest heading that names something, else the title."""
    heading = chunk.heading.rpartition(" > ")[2].strip(" #")
    own = [word.lower() for word in heading.split() if word.lower() not in COMMON_WORDS]
    named = own and heading[:1].isupper() and len(heading.split()) <= 6
    if named and not (entities.title and all(word.endswith(ORDINARY_ENDINGS) for word in own)):
        return heading
    return entities.title


# Chat

_SPEECH: Final = re.compile(
    r"^[ \t>*_-]*(?:\[[^\]\n]{3,30}\]\s*|\d{1,2}:\d{2}(?::\d{2})?\s*(?:[-–]\s*)?)?[*_]{0,2}"
    r"(?P<who>[^\W\d_][\w.'’-]{1,24}(?: [^\W\d_][\w.'’-]{0,24}){0,2})[*_]{0,2}:[*_]{0,2}[ \t]+"
    r"(?P<what>\S.*)$",
    re.MULTILINE,
)
_PERSONAL: Final = re.compile(r"\b(?:I|I'm|I’m|I've|I'll|[Yy]ou|[Mm]y|[Ww]e|me|us|your|our)\b|!|\?")


class _Line(NamedTuple):
    start: int
    text: str


def _speech(text: str) -> list[_Line]:
    """Where each speaker begins, if the text is a conversation at all."""
    lines = [m for m in _SPEECH.finditer(text) if _can_speak(m["who"])]
    personal = sum(bool(_PERSONAL.search(m["what"])) for m in lines)
    repeated = max(Counter(m["who"] for m in lines).values(), default=0)
    if not lines or personal == 0 or (3 * personal < len(lines) and repeated < 2):
        return []
    return [_Line(m.start(), m["who"]) for m in lines]


def _can_speak(who: str) -> bool:
    words = who.split()
    return all(word[0].isupper() for word in words) and not (
        len(words) == 1 and who.lower() in COMMON_WORDS - HONORIFICS
    )
