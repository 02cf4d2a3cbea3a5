"""A question as the planner sees it: its units, and whether it can be taken apart at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from kedge.agents.extractive._expecting import WH
from kedge.agents.extractive.language import Span, dates, names, numbers, tokens
from kedge.agents.extractive.lexicon import AUXILIARIES, word_set
from kedge.agents.extractive.questions import MAX_QUESTION
from kedge.agents.extractive.units import Unit, units

__all__ = ["interrogative", "is_named", "read_units"]

_REFERENCE: Final = re.compile(r"#\d+")
_QUOTES: Final = ('"', "“", "”")
# What belongs to a name behind it: a quotation mark, a bracket, a title of nobility.
_AROUND: Final = re.compile(r"[\"”]?(?: \([^()]*\))?(?:, \d+(?i:st|nd|rd|th)(?: [A-Z][\w-]*)+)?")
_ORDERS: Final = word_set("name list give identify find tell")


def read_units(text: str) -> list[Unit]:
    """The units of a question; references and names with brackets behind them are names."""
    found = [Span(*m.span(), m[0]) for m in _REFERENCE.finditer(text)]
    taken = {span.start for span in found}
    for name in names(text):
        around = _AROUND.match(text, name.end)
        start, end = name.start, around.end() if around else name.end
        if text[start - 1 : start] in _QUOTES and text[name.end : name.end + 1] in _QUOTES:
            start -= 1
        if name.start not in taken:
            found.append(Span(start, end, text[start:end]))
    return list(_with_owners(units(tokens(text), found, dates(text), numbers(text))))


def _with_owners(found: Sequence[Unit]) -> Iterator[Unit]:
    """The units with the "'s" behind a bracket as one."""
    for at, unit in enumerate(found):
        before = found[at - 1] if at else unit
        if unit.text == "s" and before.text in "'’" and before.end == unit.start:
            continue
        follows = found[at + 1] if at + 1 < len(found) else unit
        owns = unit.text in "'’" and follows.text == "s" and follows.start == unit.end
        yield unit._replace(tag="'", end=follows.end, text="'s", low="'s") if owns else unit


def interrogative(text: str) -> bool:
    """Whether a text is one question in English, short enough to be taken apart."""
    words = re.findall(r"[a-z']+", text.lower())
    if not words or len(text) > MAX_QUESTION or re.search(r"[.?!] +[A-Z].*[.?!]?$", _without_titles(text)):
        return False
    return bool({*WH} & set(words)) or words[0] in AUXILIARIES or words[0] in _ORDERS


def _without_titles(text: str) -> str:
    """A text without full stops that end no sentence: in quotes, in initials, in abbreviations."""
    text = re.sub(r"[\"“][^\"“”]*[\"”]", "", text)
    return re.sub(r"\b(?:[A-Z]|Dr|Mr|Mrs|Ms|St|Mt|Jr|Sr|vs|No|Inc|Co|Ltd|Bros|Ft|Vol)\.", "", text)


def is_named(text: str) -> bool:
    """Whether a text holds a name or a date."""
    return any(unit.tag in "ND" for unit in read_units(text))
