"""Evidence cut into sentences, and how well each speaks to a question."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kedge.agents.extractive._vocabulary import RELATIONS
from kedge.agents.extractive.language import (
    STOP_WORDS,
    bare_title,
    sentences,
    stem,
    tokens,
    without_possessive,
)
from kedge.agents.extractive.questions import Question
from kedge.tools.knowledge_base.records import Chunk, Evidence, Triple, entity_key

__all__ = ["Passage", "Passages", "cut", "fold", "key_of", "keys_of", "name_forms"]

# A reader that saw more would not answer better, and its time must be bounded.
MAX_PASSAGES: Final = 1500
MAX_CHARACTERS: Final = 200_000
MAX_SENTENCE: Final = 700


MAX_CAPTION: Final = 300
# One value of a series, "1927: 6,350."; what it is a value of was said in the sentence before the series.
_POINT: Final = re.compile(r"[^\W_][\w '-]{0,30}: [$€£]?\d[\d.,]*(?: ?[\w%°]+)?[.;,]?")


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence, row or line: `chunk.text[start:end]`, with what its surroundings say it is about.

    `caption` is the sentence that a series of values follows, for each value of the series.
    """

    chunk: Chunk
    start: int
    end: int
    text: str
    context: str
    number: int
    keys: frozenset[str]
    folded: str
    caption: str = ""
    triples: tuple[Triple, ...] = ()


@lru_cache(maxsize=20_000)
def key_of(word: str) -> str:
    """The relation that a word expresses, or its root: "director", "directed" and "directs" have one key.

    Example:
        >>> key_of("author") == key_of("wrote"), key_of("developer") == key_of("developed")
        (True, True)
    """
    lowered = word.lower()
    if lowered in RELATIONS:
        return f"={RELATIONS[lowered]}"
    root = stem(lowered)
    if root in RELATIONS:
        return f"={RELATIONS[root]}"
    return root


@lru_cache(maxsize=4096)  # a judge reads what is then read for the answer, and a loop reads it again
def keys_of(text: str) -> frozenset[str]:
    """The keys of a text's content words."""
    words = (without_possessive(token.text) for token in tokens(text))
    return frozenset(key_of(w) for w in words if w[:1].isalnum() and w.lower() not in STOP_WORDS)


def cut(evidence: Sequence[Evidence]) -> list[Passage]:
    """Sentences of the evidence in the order found; the same chunk given twice is read once."""
    triples: dict[int, list[Triple]] = {}
    chunks: dict[int, Chunk] = {}
    for item in evidence:
        chunks.setdefault(item.chunk.id, item.chunk)
        if item.triple is not None:
            triples.setdefault(item.chunk.id, []).append(item.triple)
    passages: list[Passage] = []
    characters = 0
    for chunk in chunks.values():
        if characters > MAX_CHARACTERS or len(passages) > MAX_PASSAGES:
            break
        text = chunk.text[: MAX_CHARACTERS - characters]
        characters += len(text)
        context = " ".join(dict.fromkeys(part for part in (chunk.title, chunk.heading) if part))
        caption = ""
        for number, (start, end) in enumerate(_units(text, chunk.kind)):
            sentence = text[start:end]
            point = _POINT.fullmatch(sentence) is not None
            caption = caption if point else sentence[-MAX_CAPTION:]
            passages.append(
                Passage(
                    chunk,
                    start,
                    end,
                    sentence,
                    context,
                    number,
                    keys_of(f"{caption} {sentence}" if point else sentence),
                    fold(f"{caption} {sentence}" if point else sentence),
                    caption if point else "",
                    tuple(t for t in triples.get(chunk.id, ()) if t.object and t.object in sentence),
                )
            )
    return passages[:MAX_PASSAGES]


def _units(text: str, kind: str) -> Iterable[tuple[int, int]]:
    for start, end in _lines(text) if kind in ("table", "code") else sentences(text):
        while end - start > MAX_SENTENCE:
            space = text.rfind(" ", start + MAX_SENTENCE // 2, start + MAX_SENTENCE)
            cut_at = space if space > 0 else start + MAX_SENTENCE
            yield start, cut_at
            start = cut_at + (space > 0)
        if start < end:
            yield start, end


def _lines(text: str) -> Iterable[tuple[int, int]]:
    return (match.span() for match in re.finditer(r"\S.*", text))


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Letters and digits only, without case or accents, with single spaces: what names are looked up in."""
    return " " + re.sub(r"[^\w]+", " ", entity_key(text)).strip() + " "


class Passages:
    """All sentences of some evidence, with the rarity of their words, ranked for any question.

    `chunks` is what they are of, in the order of the evidence.
    """

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self.all = cut(evidence)
        self._frequency = Counter(key for passage in self.all for key in passage.keys)
        self._chunk_texts: dict[int, str] = {}
        self._context_keys: dict[str, frozenset[str]] = {}
        for passage in self.all:
            previous = self._chunk_texts.get(passage.chunk.id, "")
            self._chunk_texts[passage.chunk.id] = previous + passage.folded
            if passage.context not in self._context_keys:
                self._context_keys[passage.context] = keys_of(passage.context)
        self._of_chunk: dict[int, list[Passage]] = {}
        for passage in self.all:
            self._of_chunk.setdefault(passage.chunk.id, []).append(passage)
        self._neighbours = {(p.chunk.id, p.number): p for p in self.all}
        self.chunks = list({item.chunk.id: item.chunk for item in evidence}.values())

    def at(self, chunk: Chunk, start: int) -> Passage | None:
        """The passage of a chunk that holds this character, or the last one before it."""
        before = [p for p in self._of_chunk.get(chunk.id, ()) if p.start <= start]
        return before[-1] if before else None

    def rarity(self, key: str) -> float:
        """0.2 for a word in every sentence, 1 for a word in one or none."""
        total = len(self.all) + 1
        return (
            0.2 + 0.8 * math.log(total / (1 + self._frequency[key])) / math.log(total) if total > 1 else 1.0
        )

    def names_in(self, passages: Sequence[Passage], names: Sequence[str]) -> float:
        """How much of the names the passages are about: 1 in a sentence, less in its title or its chunk."""
        if not names:
            return 0.0
        return sum(max(self.name_in(p, name) for p in passages) for name in names) / len(names)

    def name_in(self, passage: Passage, name: str) -> float:
        """1 when the sentence holds the name, 0.9 its title, 0.5 its chunk, 0 otherwise.

        A title without the middle name still names the person; a last name alone may be another's.
        """
        wanted = name_forms(name)
        if not wanted:
            return 0.0
        if fold(passage.chunk.title) == wanted[0]:
            return 1.0
        for where, worth in (
            (passage.folded, 1.0),
            (fold(passage.context), 0.9),
            (self._chunk_texts[passage.chunk.id], _nearby(passage, wanted[0])),
        ):
            if any(form in where for form in wanted):
                return worth
        words = wanted[0].split()
        first, last = words[0], words[-1]
        title = fold(bare_title(passage.chunk.title)).split()
        if len(title) > 1 and len(words) > 1 and (title[0], title[-1]) == (first, last):
            return 0.9
        return 0.4 if len(words) > 1 and len(last) > 3 and f" {last} " in passage.folded else 0.0

    def known(self, name: str) -> bool:
        """Whether any sentence or title holds the name."""
        return any(self.name_in(passage, name) >= 0.4 for passage in self.all)

    def overlap(self, passages: Sequence[Passage], keys: Iterable[str]) -> float:
        """Share of the keys, weighted by rarity, in the sentences; half as much from titles or neighbours."""
        total = found = 0.0
        for key in keys:
            weight = self.rarity(key)
            total += weight
            if any(key in p.keys for p in passages):
                found += weight
            elif any(self.near(p, key) for p in passages):
                found += 0.5 * weight
        return found / total if total else 0.0

    def linked(self, one: Passage, other: Passage, names: Sequence[str]) -> bool:
        """Whether another document's passage may add to this one: it names the same thing, or its title."""
        if one.chunk.document_id == other.chunk.document_id:
            return False
        if not names or any(self.name_in(other, name) > 0 for name in names):
            return True
        return any(
            any(form in self._chunk_texts[to.chunk.id] for form in name_forms(of.chunk.title))
            for of, to in ((one, other), (other, one))
            if of.chunk.title
        )

    def near(self, passage: Passage, key: str) -> bool:
        """Whether a word's key is in the passage, its title or its neighbours."""
        if key in passage.keys or key in self._context_keys[passage.context]:
            return True
        beside = (self._neighbours.get((passage.chunk.id, passage.number + step)) for step in (-1, 1))
        return any(neighbour is not None and key in neighbour.keys for neighbour in beside)

    def ranked(self, question: Question, keys: Sequence[str]) -> list[tuple[float, Passage]]:
        """Passages by names and words, best first; equal ones in the order of the evidence."""
        name_weight = 1.0 if question.names else 0.0
        scored = [
            (
                self.overlap((p,), keys)
                + name_weight * self.names_in((p,), question.names)
                - 9 * _heading(p),
                -index,
                p,
            )
            for index, p in enumerate(self.all)
        ]
        return [(score, p) for score, _, p in sorted(scored, key=lambda item: item[:2], reverse=True)]


def _heading(passage: Passage) -> bool:
    """Whether a passage is a heading, a few words above an empty line: it says nothing, and comes last."""
    text = passage.text
    return (
        passage.chunk.text[passage.end : passage.end + 2] == "\n\n"
        and text[-1].isalnum()
        and ":" not in text
        and text.count(" ") < 8
    )


_ROW: Final = re.compile(r"^[^:|]{1,40}: [^|]*(?:\| [^:|]{1,40}: [^|]*)+$")


def _nearby(passage: Passage, wanted: str) -> float:
    """How much a passage may be about a name (as `fold` writes it) that its chunk has elsewhere.

    A row of a table is about itself alone, and a sentence with a namesake in it about the namesake.
    """
    if _ROW.match(passage.text):
        return 0.0
    title = fold(bare_title(passage.chunk.title))
    namesake = (
        title != wanted
        and title.strip()
        and title in passage.folded
        and set(title.split()) & set(wanted.split())
    )
    return 0.3 if namesake else 0.5


@lru_cache(maxsize=4096)
def name_forms(name: str) -> tuple[str, ...]:
    """How a folded text may hold a name: as it is, without a bracketed part, and written as one word."""
    plain = fold(re.sub(r"\s*\([^)]*\)", "", name) or name)
    forms = [fold(name), plain, f" {plain.strip().replace(' ', '')} "]
    if plain.startswith(" the "):
        forms.append(plain.removeprefix(" the"))
    return tuple(dict.fromkeys(form for form in forms if form.strip()))
