"""What evidence says that its names are names of: a person, a place, or another thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from kedge.agents.extractive._passages import Passage, fold
from kedge.agents.extractive._vocabulary import EXPECTATIONS
from kedge.agents.extractive.language import bare_title, names
from kedge.agents.extractive.lexicon import PERSON_NOUNS, PREPOSITIONS, THING_NOUNS
from kedge.tools.knowledge_base.records import entity_key

__all__ = ["full_name", "heads", "kind_before", "kind_of_noun"]

_SAID: Final = re.compile(
    r"[^.;]{0,80}?\b(?:is|was|are|were) (?:an?|the|one of the) (?P<noun>[^.,;:()]{3,80})"
)
_APPOSED: Final = re.compile(r"[^.;,]{2,60}, (?:an? |the )?(?P<noun>[a-z][a-z -]{2,40}?)[,.;(]")
_ENDS: Final = PREPOSITIONS | {"that", "which", "who", "whose", "where", "and", "or", "built", "written"}
_BEFORE: Final = re.compile(r"\b([a-z]+) $")


def kind_of_noun(noun: str) -> str:
    """ "person", "place", "thing", or nothing for a noun that no list has."""
    if noun in PERSON_NOUNS or EXPECTATIONS.get(noun) == "person":
        return "person"
    if EXPECTATIONS.get(noun) in ("place", "country"):
        return "place"
    return "thing" if noun in THING_NOUNS or EXPECTATIONS.get(noun) == "name" else ""


def heads(passages: Iterable[Passage]) -> dict[str, str]:
    """Title, as `entity_key` writes it, to the noun its text opens with: "X was a three-masted barque"."""
    found: dict[str, str] = {}
    for passage in passages:
        title = bare_title(passage.chunk.title)
        key = entity_key(title)
        if passage.number > 2 or key in found or fold(title) not in passage.folded[: len(title) + 60]:
            continue
        for pattern in (_SAID, _APPOSED):
            match = pattern.match(passage.text)
            if match and (noun := _head(match["noun"])):
                found[key] = noun
                break
    return found


def _head(phrase: str) -> str:
    words = re.sub(r"^.*?\b(?:one|[a-z]+est|[a-z]+most|most [a-z]+) of the ", "", phrase).split()
    end = next((i for i, word in enumerate(words) if word.lower() in _ENDS), len(words))
    word = words[end - 1].lower() if end else ""
    return next(
        (w for w in (word, word.removesuffix("s")) if kind_of_noun(w)), word if word.isalpha() else ""
    )


def kind_before(text: str, start: int) -> str:
    """The kind that the noun right before a name says: "the ferry Grey Heron" is a thing."""
    before = _BEFORE.search(text[max(0, start - 20) : start])
    return kind_of_noun(before.group(1)) if before else ""


def full_name(first: str, title: str, passages: Iterable[Passage], kinds: Mapping[str, str]) -> str:
    """A first name with the last name that the title's own bearer has, if evidence knows such a person."""
    last = bare_title(title).split()[-1:] or [""]
    if " " in first or kinds.get(entity_key(first)) or first == last[0]:
        return first
    whole = f"{first} {last[0]}"
    form = fold(whole)
    known = any(form in p.folded or form in fold(p.chunk.title) for p in passages)
    return whole if known and len(names(whole)) == 1 else first
