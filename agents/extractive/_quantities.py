"""Whether a number is of the kind that is asked for, by its own unit or by the one its column states."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from kedge.agents.extractive._passages import Passage, key_of
from kedge.agents.extractive._vocabulary import CURRENCIES, DIMENSIONS
from kedge.agents.extractive.language import Number, numbers, tokens
from kedge.agents.extractive.lexicon import UNITS
from kedge.agents.extractive.questions import Question

__all__ = ["label_of", "measures", "unit_stated", "with_currency"]

_CELL: Final = re.compile(r"(?:^|[|\n])\s*([^:|\n]{1,40}):\s*$")
# The unit at the end of a label: Height in metres, Length (m), herring landed, in crans.
_STATED: Final = re.compile(r"(?:\bin ([a-z]+)|\(([a-z°%/]+)\))[\s.:]*$")


def label_of(passage: Passage, start: int) -> str:
    """What the column or the series says of the value at `start`; empty where it stands in a sentence."""
    cell = _CELL.search(passage.text[:start])
    label = cell.group(1) if cell else ""
    return f"{label} {passage.caption}".strip()


def unit_stated(label: str) -> str:
    """The unit that a label says all its values have.

    Example:
        >>> unit_stated("Height in metres"), unit_stated("People in 1931")
        ('metres', '')
    """
    found = _STATED.search(label)
    word = (found.group(1) or found.group(2)) if found else ""
    return word if word in UNITS or word in CURRENCIES or word.endswith("s") else ""


def with_currency(number: Number, text: str) -> int:
    """Where the number ends with the currency behind it: "900 crowns"."""
    behind = re.match(r" (?:[a-z]+ )?([a-z]+)", text[number.end : number.end + 30])
    first = re.match(r" ([a-z]+)", text[number.end : number.end + 20])
    for match in (first, behind):
        if match and match.group(1) in CURRENCIES:
            return number.end + match.end()
    return number.end


def measures(question: Question, number: Number, passage: Passage) -> float:
    """How well a number counts or measures what is asked: 0 for tons where years or prices are."""
    if number.unit == "ordinal":
        return 0.3
    label = label_of(passage, number.start)
    asked = key_of(question.measure)
    stated = unit_stated(label)
    unit = DIMENSIONS.get(number.unit or UNITS.get(stated, ""), "")
    dimension = _dimension(question)
    if dimension == "money":
        return float(unit == "money" or _counts_money(number, passage, label, stated))
    labelled = label and asked in {key_of(word.text) for word in tokens(label)}
    if asked and (labelled or asked in _following(number, passage.text) or key_of(number.unit) == asked):
        return 1.0
    if unit and unit != dimension and (dimension or question.asked_with == "how"):
        return 1.0 if question.measure in ("long", "much", "large", "big") and not dimension else 0.0
    if dimension in ("length", "weight") and not unit:
        return 0.0
    return 1.0 if unit and unit == dimension else 0.7


def _dimension(question: Question) -> str:
    if question.measure == "much" and "=cost" in map(key_of, question.keys):
        return "money"
    return DIMENSIONS.get(question.measure, "")


def _counts_money(number: Number, passage: Passage, label: str, stated: str) -> bool:
    if stated in CURRENCIES or any(DIMENSIONS.get(w.text.lower()) == "money" for w in tokens(label)):
        return True
    if with_currency(number, passage.text) > number.end:
        return True
    # "paid 2,000 and then 3,000 crowns": one currency for both.
    later = next((n for n in numbers(passage.text) if n.start > number.end), None)
    near = later is not None and re.fullmatch(
        r"(?:,| and| or| to| then|\s)+", passage.text[number.end : later.start]
    )
    return bool(
        near
        and later
        and (DIMENSIONS.get(later.unit) == "money" or with_currency(later, passage.text) > later.end)
    )


def _following(number: Number, text: str) -> list[str]:
    beside = re.findall(r"[^\W\d_]+|\S", text[number.start : number.end + 40])
    return [key_of(word) for word in takewhile(_joins, beside)][:6]


def _joins(word: str) -> bool:
    return word.isalnum() or word in "-,.$€£%"
