"""What a phrase refers to: the name, date or thing that a triple can hold, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kedge.agents.extractive.entities import Entities, tidy
from kedge.agents.extractive.lexicon import KIN, STOP_WORDS, TIME_NOUNS
from kedge.agents.extractive.phrases import Phrase, head_noun, kind_words
from kedge.agents.extractive.spans import lemma
from kedge.agents.extractive.units import Unit

__all__ = ["VAGUE", "Argument", "joined", "name_of", "owner_of", "refer"]

VAGUE = 0.6
"""A common noun that nothing ties to the text is no surer than this."""

_LONGEST_COMMON = 6


@dataclass(frozen=True, slots=True)
class Argument:
    """What a phrase refers to, 0 to 1 `sure`. With `noun` it is not `text` but the noun of it: "X's noun"."""

    text: str
    sure: float
    noun: str = ""
    phrase: Phrase | None = None

    @property
    def tag(self) -> str:
        """What can stand with it in a list: N for names and pronouns, D, #, or w for common words."""
        if self.phrase is None:
            return "w"
        return "N" if self.phrase.tag == "P" else self.phrase.tag


def refer(phrase: Phrase, entities: Entities) -> Argument | None:
    """What a phrase refers to, or None when that is unclear or says nothing."""
    if phrase.is_name:
        return Argument(name_of(phrase, entities), 0.95, phrase=phrase)
    if phrase.name is not None and phrase.tag == "P":
        who = entities.pronoun(phrase.name.low)
        return Argument(who, 0.8, phrase=phrase) if who else None
    if phrase.is_value:
        return Argument(tidy(phrase.label), 0.9, phrase=phrase)
    head = head_noun(phrase.words)
    if phrase.owner is not None:
        owner = owner_of(phrase, entities)
        noun = lemma(head) if head in KIN else head
        return Argument(owner, 0.8, noun, phrase) if owner and noun else None
    kind = kind_words(phrase.words)
    if phrase.article in {"the", "this"}:
        who = entities.description(head)
        if who and len(kind) <= 1:
            return Argument(who, 0.75, phrase=phrase)
    if any(unit.tag == "N" for unit in phrase.words):
        return Argument(joined(phrase.words), 0.7, phrase=phrase)
    return Argument(joined(kind), VAGUE, phrase=phrase) if _says_something(phrase, kind) else None


def _says_something(phrase: Phrase, kind: Sequence[Unit]) -> bool:
    if not kind or len(phrase.words) > _LONGEST_COMMON:
        return False
    last = kind[-1].low
    return last not in TIME_NOUNS and last not in STOP_WORDS and len(last) >= 3


def owner_of(phrase: Phrase, entities: Entities) -> str | None:
    """Whose a phrase is: `his film`, `Ada's film`, `the company's film`; None when that is unclear."""
    owner = phrase.owner
    if owner is None:
        return None
    if isinstance(owner, Unit):
        return entities.pronoun(owner.low)
    argument = refer(owner, entities)
    named = argument is not None and not argument.noun and (owner.is_name or owner.article == "the")
    return argument.text if argument is not None and named and argument.sure > VAGUE else None


def name_of(phrase: Phrase, entities: Entities) -> str:
    """The fullest form of the name in a phrase."""
    return entities.resolve_name(phrase.label)


def joined(words: Sequence[Unit]) -> str:
    """The text of words that may have gaps between them."""
    return tidy(" ".join(unit.text for unit in words))
