"""A chunk in other words, by rule: questions from its triples, gaps in its sentences, its other names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from kedge.agents.decisions import Augmentation
from kedge.agents.extractive.lexicon import KIN, PERSON_NOUNS, PROPERTIES
from kedge.agents.extractive.names import bare_title, find_names
from kedge.agents.extractive.spans import tokens
from kedge.agents.extractive.triples import extract
from kedge.agents.extractive.values import dates
from kedge.tools.knowledge_base.chunking import sentences
from kedge.tools.knowledge_base.records import Chunk, TripleDraft, entity_key

__all__ = ["BLANK", "augment"]

BLANK: Final = "____"
_MOST: Final = 8  # questions from triples, and as many sentences with a gap
_LONGEST: Final = 60  # characters of an answer
_SHORTEST: Final = 30  # characters of a sentence that says enough around its gap

# Who does what a participle says: what was directed has a director.
_DOERS: Final = {
    "built": "builder",
    "composed": "composer",
    "created": "creator",
    "designed": "designer",
    "directed": "director",
    "discovered": "discoverer",
    "edited": "editor",
    "founded": "founder",
    "hosted": "host",
    "invented": "inventor",
    "led": "leader",
    "owned": "owner",
    "painted": "painter",
    "produced": "producer",
    "published": "publisher",
    "written": "author",
}
_EVENTS: Final = {"born": "birth", "die": "death", "died": "death", "buried": "burial"}
_KNOWN_AS: Final = ("also known as", "known as", "know as", "also called")


def augment(chunk: Chunk) -> Augmentation:
    """Questions with answers that stand in the chunk, names it goes by, and its facts one after another.

    Questions with `BLANK` are sentences of the chunk with a gap; the others name what they ask about.

    Example:
        >>> text = "Loose Ankles is a 1930 film directed by Ted Wilde."
        >>> made = augment(Chunk(1, "d", "s", "Loose Ankles (film)", "", text, 0, len(text)))
        >>> for question, answer in made.questions:
        ...     print(question, "|", answer)
        When was Loose Ankles released? | 1930
        What is Loose Ankles? | film
        Who is the director of Loose Ankles? | Ted Wilde
        What was directed by Ted Wilde? | Loose Ankles
        ____ is a 1930 film directed by Ted Wilde. | Loose Ankles
        >>> made.aliases
        ('Loose Ankles',)
    """
    triples = [t for t in extract(chunk).triples if max(len(t.subject), len(t.object)) <= _LONGEST]
    asked = dict.fromkeys(pair for triple in triples for pair in _questions(triple))
    kept = [pair for pair in asked if pair[1] in chunk.text]
    rewrite = " ".join(f"{bare_title(t.subject)}: {t.relation} {t.object}." for t in triples)
    gaps = islice(_gaps(chunk.text), _MOST)
    return Augmentation(
        rewrite=rewrite, questions=(*kept[:_MOST], *gaps), aliases=tuple(_aliases(chunk.title, triples))
    )


def _questions(triple: TripleDraft) -> Iterator[tuple[str, str]]:
    """What a triple answers, from either end."""
    subject, relation, target = bare_title(triple.subject), triple.relation, triple.object
    first, _, last = relation.rpartition(" ")
    dated = bool(dates(target))
    if relation == "is":
        yield f"What is {subject}?", target
    elif first in _EVENTS:
        asked = f"did {subject} die" if first in ("die", "died") else f"was {subject} {first}"
        yield f"{'When' if dated else 'Where'} {asked}?", target
        yield f"What is the {'date' if dated else 'place'} of {_EVENTS[first]} of {subject}?", target
    elif last == "by" and first in _DOERS:
        yield f"Who is the {_DOERS[first]} of {subject}?", target
        yield f"What was {first} by {target}?", subject
    elif first.endswith("ed") and " " not in first and (dated or last in ("in", "at")):
        yield f"{'When' if dated else 'Where'} was {subject} {first}?", target
    elif relation in KIN | PERSON_NOUNS | PROPERTIES:
        yield f"{'What' if relation in PROPERTIES else 'Who'} is the {relation} of {subject}?", target


def _gaps(text: str) -> Iterator[tuple[str, str]]:
    """Each sentence without the first name or date in it."""
    for start, end in sentences(text):
        sentence = " ".join(text[start:end].split())
        if len(sentence) < _SHORTEST:
            continue
        when = dates(sentence)
        named = find_names(sentence, tokens(sentence), when)
        first = min([(s.start, s.end) for s in named] + [(d.start, d.end) for d in when], default=None)
        if first is not None and first[1] - first[0] <= _LONGEST:
            yield sentence[: first[0]] + BLANK + sentence[first[1] :], sentence[slice(*first)]


def _aliases(title: str, triples: Sequence[TripleDraft]) -> list[str]:
    """The title without what only tells it from others, and what the text calls it besides."""
    bare = bare_title(title)
    names = [re.sub(r"^(?:The|A|An) ", "", bare)]
    known = {entity_key(name) for name in (title, bare)}
    names += [t.object for t in triples if t.relation in _KNOWN_AS and entity_key(t.subject) in known]
    return [name for name in dict.fromkeys(names) if name and name != title]
