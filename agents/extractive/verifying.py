"""Checking an answer against the passages it cites: by what they say and not by what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import mean
from typing import Final

from kedge.agents.decisions import AbstentionReason, Verification
from kedge.agents.extractive.language import dates, numbers
from kedge.agents.extractive.questions import analyse
from kedge.tools.knowledge_base import entity_key
from kedge.tools.knowledge_base.records import Evidence

__all__ = ["verify"]

NAMED: Final = 0.5  # a name counts as mentioned from this share of its words on: "Moss" for "Ada Moss"
SAID: Final = 0.8  # an answer in words of its own counts as said from this share of its words on
TRUTH: Final = frozenset({"yes", "no", "true", "false"})


def verify(question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
    """Whether the passages hold the answer and mention every name of the question.

    Dates and numbers must be equal as values, whatever their form; yes and no stand in no passage, so that
    only the names are looked for.

    Example:
        >>> verify("Who built it?", "Ada Moss", []).supported
        False
    """
    if not evidence:
        return Verification(supported=False, confidence=1.0, reason="out of corpus")
    texts = [item.chunk.indexed_text for item in evidence]
    words = [_words(text) for text in texts]
    unnamed = [name for name in analyse(question).names if _share(name, words) < NAMED]
    said = 1.0 if entity_key(answer).strip(" .") in TRUTH else _said(answer, texts, words)
    supported = not unnamed and said >= SAID
    named = mean([1.0, *(_share(name, words) for name in analyse(question).names)])
    reason: AbstentionReason = "out of corpus" if unnamed else "missing hop"
    sure = min(named, said)
    if supported:
        return Verification(supported=True, confidence=sure)
    return Verification(supported=False, confidence=1.0 - sure, reason=reason)


def _said(answer: str, texts: Sequence[str], words: Sequence[frozenset[str]]) -> float:
    """The share of the answer that one passage holds: its values, if it has any, else its words."""
    if any(f" {_key(answer)} " in f" {_key(text)} " for text in texts):
        return 1.0
    values = _values(answer)
    if values:
        return max(len(values & _values(text)) / len(values) for text in texts)
    return _share(answer, words)


def _share(name: str, passages: Sequence[frozenset[str]]) -> float:
    """The largest share of a name's words that one passage holds."""
    wanted = _words(name)
    return max(len(wanted & words) / len(wanted) for words in passages) if wanted else 1.0


def _values(text: str) -> set[str | float]:
    return {when.value for when in dates(text)} | {number.value for number in numbers(text)}


def _words(text: str) -> frozenset[str]:
    return frozenset(_key(text).split())


def _key(text: str) -> str:
    return " ".join(re.findall(r"\w+", entity_key(text)))
