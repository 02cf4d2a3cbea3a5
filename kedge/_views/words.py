"""The words that every rendering of an answer uses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kedge._views.clean import clean, one_line
from kedge.tools.knowledge_base.records import clock

if TYPE_CHECKING:
    from kedge.graphs.answer import Answer, Citation

__all__ = ["cost_line", "near", "place_of", "plural", "reason_in_words", "span_of"]

REASONS = {
    "out of corpus": "nothing in these documents is about this",
    "missing hop": "a link in the chain of facts is missing",
    "false premise": "the question takes something for granted that the documents do not bear out",
    "under-specified": "the question could mean several things",
    "conflicting evidence": "the documents contradict each other",
    "budget": "the budget was used up before enough was found",
}


def plural(count: int, noun: str) -> str:
    """A count and its noun.

    Example:
        >>> plural(1, "chunk"), plural(2_000, "chunk")
        ('1 chunk', '2,000 chunks')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def near(source: str) -> str:
    """A source as short as it can be: a path below the working directory without what they share."""
    try:
        return one_line(source).removeprefix(str(Path.cwd()) + os.sep)
    except FileNotFoundError:  # the working directory is gone
        return one_line(source)


def reason_in_words(answer: Answer) -> str:
    """Why there is no answer, in one sentence."""
    if answer.abstention is None:
        return "No answer."
    reason = answer.abstention.reason
    return f"No answer: {reason} ({REASONS[reason]})."


def place_of(citation: Citation) -> str:
    """Source, page or time, and characters of a citation."""
    page = f" · page {citation.page}" if citation.page else ""
    time = f" · {span_of(citation.time)}" if citation.time else ""
    region = _region(citation)
    return f"{near(citation.source)}{page}{time}{region} · characters {citation.start}–{citation.end}"


def span_of(time: tuple[float, float]) -> str:
    """From when to when something is said or shown.

    Example:
        >>> span_of((65.0, 72.5))
        '1:05–1:12'
    """
    return f"{clock(time[0])}–{clock(time[1])}"


def _region(citation: Citation) -> str:
    """Where on its page a picture stands."""
    if citation.box is None:
        return " · picture" if citation.picture else ""
    left, top, right, bottom = citation.box
    return f" · picture at {left:.0%}–{right:.0%} across, {top:.0%}–{bottom:.0%} down"


def cost_line(answer: Answer) -> str:
    """Confidence, method, rounds, time and model calls in one line."""
    spent = answer.ledger.total
    rounds = max((event.round for event in answer.trace), default=0)
    parts = [
        f"confidence {answer.confidence:.2f}" if answer.text is not None else "",
        clean(answer.method),
        plural(rounds, "round") if rounds else "",
        f"{answer.ledger.seconds:.1f} s",
        f"{plural(spent.calls, 'model call')}, {spent.prompt_tokens + spent.completion_tokens:,} tokens"
        if spent.calls
        else "",
        f"{spent.cache_hits:,} from cache" if spent.cache_hits else "",
    ]
    return " · ".join(part for part in parts if part)
