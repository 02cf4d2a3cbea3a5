"""What type of answer a question expects: the noun asked for, what a number measures, a person or a place."""

from __future__ import annotations

import re
from typing import Final

from kedge.agents.extractive._vocabulary import EXPECTATIONS, MEASURES, Expects
from kedge.agents.extractive.language import STOP_WORDS, lemma, singular, tokens
from kedge.agents.extractive.lexicon import AUXILIARIES, DETERMINERS, PREPOSITIONS, VERBS

__all__ = ["WH", "expectation_of", "focus_of", "measure_of"]

WH: Final = ("who", "whom", "whose", "where", "when", "why", "how", "what", "which")
_OF_SOMETHING = (
    re.compile(r"\bnames? of (?:the |an? )?((?:[a-z-]+ ){0,3}?[a-z-]+)"
               r"(?= (?:of|for|in|that|which|who|whose|where|to|from|at|on|by)\b| [A-Z]|\?|$|,)"),
    re.compile(r"\b(?:what|which|who) (?:is|was|are|were) (?:the )?(?:.+?'s )?((?:[a-z-]+ ){0,4}?[a-z-]+)"
               r"(?= (?:of|for|in|that|which|who|where|to|from|at|on|between|by)\b| [A-Z]|\?|$|,)"),
    re.compile(r"\b(?:what|which|who) (?:is|was|are|were) .+?'s? ([a-z-]+)"),
)  # fmt: skip
_HOW: Final = re.compile(
    r"\b[Hh]ow (?:many (?:[a-z-]+ (?=(?!does\b|was\b|is\b|has\b)[a-z]+s\b))?([a-z-]+)|([a-z]+))"
)
_NOUN_ENDS: Final = PREPOSITIONS | AUXILIARIES | DETERMINERS | {*WH, "that", "and", "or"}


def focus_of(text: str, asked_with: str) -> str:
    """The noun asked for: "director" in "which film director was" and in "what is the director of"."""
    if asked_with not in ("what", "which", "who"):
        return ""
    lowered = text[:1].lower() + text[1:]
    for pattern in _OF_SOMETHING:
        match = pattern.search(lowered)
        if match and match.group(1).split()[-1] not in STOP_WORDS:
            return match.group(1).split()[-1]
    return "" if asked_with == "who" else _noun_after(lowered, asked_with)


def _noun_after(text: str, asked_with: str) -> str:
    """The head of the noun phrase that follows the question word."""
    parts = re.split(rf"\b{asked_with}\b", text, maxsplit=1, flags=re.IGNORECASE)
    rest = re.sub(r"^ (?:[a-z]+ )?(?:types?|kinds?|sorts?) of ", " ", parts[-1])
    words = [token.text for token in tokens(rest)][:9]
    if len(words) > 1 and singular(words[0]) in EXPECTATIONS and words[1][0].isupper():
        return words[0]
    end = next((i for i, w in enumerate(words) if w.lower() in _NOUN_ENDS or not w[0].isalnum()), len(words))
    owner = next((i for i, word in enumerate(words[:end]) if word.endswith("'s")), None)
    if owner is not None:  # "which island's quarry" asks for the island
        return words[owner].removesuffix("'s").lower()
    phrase = words[: end - (0 < end < len(words) and end > 1 and words[end].lower() in DETERMINERS)]
    if not (end < len(words) and words[end].lower() in AUXILIARIES):  # no auxiliary: a verb ends the phrase
        phrase = phrase[: next((i for i, word in enumerate(phrase) if i and lemma(word) in VERBS), end)]
    return phrase[-1].lower() if phrase else ""


def measure_of(text: str, focus: str) -> str:
    """What a number is to count or measure: "ships" in "how many ships", "fine" in "how large a fine"."""
    match = re.search(r"\b[Hh]ow (?:large|big|great|high|small) an? ([a-z]+)", text)
    if match:
        return match.group(1)
    match = _HOW.search(text)
    return (match.group(1) or match.group(2)) if match else focus


def expectation_of(asked_with: str, focus: str, following: list[str]) -> Expects:
    """The type of answer; `following` are the two words behind the question word."""
    if asked_with in ("who", "whom", "whose"):
        return "person"
    if asked_with == "where":
        return "place"
    if asked_with == "when":
        return "date"
    if asked_with == "how":
        return "number" if following[:1] and following[0] in MEASURES else "phrase"
    if focus:
        return EXPECTATIONS.get(focus, EXPECTATIONS.get(singular(focus), "phrase"))  # type: ignore[return-value]
    return "phrase"
