"""Multiple choice: the options that a question gives, and which of them the evidence is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kedge.agents.decisions import Finding, Reading, Support
from kedge.agents.extractive._passages import cut, fold, keys_of
from kedge.agents.extractive.questions import analyse
from kedge.tools.knowledge_base.records import Evidence, entity_key

__all__ = ["Choices", "among", "choices", "favoured"]

# Share of what the question asks that a sentence must say beside an option, to speak for it.
SPEAKING: Final = 0.5
# By how much it must say more than any sentence says beside another option.
AHEAD: Final = 0.1
_MARK: Final = re.compile(r"(?:^|(?<=\s))(?:\(?([A-Ha-h1-8])\)|([A-Ha-h1-8])[.:])\s+(?=\S)", re.MULTILINE)
_LISTED: Final = re.compile(
    r"^(?P<stem>.*\b(?:who|whom|which|what|where|when)\b.*?)\s*(?P<mark>[,:;?–—-])\s+(?P<list>[^?]+)\?*$",
    re.IGNORECASE | re.DOTALL,
)
_PARTS: Final = re.compile(r"\s*,\s*(?:or\s+)?|\s+or\s+", re.IGNORECASE)
_LONGEST: Final = 8  # words of an option in a list


@dataclass(frozen=True, slots=True)
class Choices:
    """A question without its options, and the options in the order given; there may be none."""

    stem: str
    options: tuple[str, ...] = ()


def choices(question: str) -> Choices:
    """Take the options off a question: marked ones (`A) … B) …`, `1. … 2. …`), or a list that ends in "or".

    A comparison ("Which is older, X or Y?") is left whole: it asks about both things.

    Example:
        >>> choices("Who built the pier? A) Ann Lee B) Bo Tam").options
        ('Ann Lee', 'Bo Tam')
        >>> choices("Who built the pier: Ann Lee, Bo Tam or Cy Wu?")
        Choices(stem='Who built the pier?', options=('Ann Lee', 'Bo Tam', 'Cy Wu'))
    """
    marks = list(_MARK.finditer(question))
    for first in range(len(marks)):
        run = _consecutive(marks[first:])
        stem = question[: marks[first].start()].strip()
        if len(run) < 2 or not stem:
            continue
        ends = [*(mark.start() for mark in run[1:]), len(question)]
        texts = [question[m.end() : end].strip(" \n\t;,.") for m, end in zip(run, ends, strict=True)]
        if all(texts) and (stem[-1] in "?:.!…" or run[0][1]):
            return Choices(stem.rstrip(":"), tuple(dict.fromkeys(texts)))
    return _listed(question)


def _consecutive(marks: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """The marks that count on from A, a or 1."""
    run: list[re.Match[str]] = []
    for mark in marks:
        letter = mark[1] or mark[2]
        if letter == (chr(ord(run[-1][1] or run[-1][2]) + 1) if run else letter) and (run or letter in "Aa1"):
            run.append(mark)
        elif not run:
            break
    return run


def _listed(question: str) -> Choices:
    whole = Choices(question)
    if " or " not in question:
        return whole
    comparison = analyse(question).comparison
    if comparison is not None and comparison.operator != "either":
        return whole
    for match in _LISTED.finditer(question):
        texts = [part.strip() for part in _PARTS.split(match["list"]) if part.strip()]
        listed = " or " in match["list"] and all(len(text.split()) <= _LONGEST for text in texts)
        # After a comma only names are sure to be a list: "When did X, born here or there, die?"
        named = match["mark"] != "," or not any(text[0].islower() for text in texts)
        if listed and named and len(texts) > 1:
            return Choices(f"{match['stem']}?", tuple(dict.fromkeys(texts)))
    return whole


def favoured(found: Finding, options: Sequence[str]) -> Finding:
    """A finding whose answers are among the options; one that reaches none of them is not to be trusted."""
    if not options:
        return found
    wanted = {entity_key(option) for option in options}
    answers = tuple(key for key in found.answers if key in wanted)
    return found.model_copy(update={"answers": answers, "trusted": found.trusted and bool(answers)})


def among(asked: Choices, reading: Reading, evidence: Sequence[Evidence]) -> Reading:
    """The option that a reading means, or else the one that a sentence of the evidence speaks for."""
    if not asked.options:
        return reading
    if reading.answer is not None and (option := _meant(reading.answer, asked.options)):
        return reading.model_copy(update={"answer": option, "answers": ()})
    said = keys_of(asked.stem)
    best: dict[str, tuple[float, Support]] = {}
    for passage in cut(evidence):
        told = passage.keys | keys_of(passage.context)
        for option in asked.options:
            if fold(option) in passage.folded:
                share = len(said & told) / max(1, len(said))
                support = Support(chunk_id=passage.chunk.id, start=passage.start, end=passage.end)
                best[option] = max(best.get(option, (0.0, support)), (share, support), key=lambda b: b[0])
    ranking = sorted(best.items(), key=lambda item: -item[1][0])
    if ranking:
        option, (share, support) = ranking[0]
        rival = ranking[1][1][0] if len(ranking) > 1 else 0.0
        if share >= SPEAKING and share >= rival + AHEAD:
            return Reading(answer=option, support=(support,), confidence=share)
    reason = reading.reason or "missing hop"
    return Reading(answer=None, reason=reason, gaps=reading.gaps, confidence=reading.confidence)


def _meant(answer: str, options: Iterable[str]) -> str | None:
    """The option that an answer names, in more or fewer words."""
    given = fold(answer)
    exact = [option for option in options if fold(option) == given]
    near = [option for option in options if fold(option) in given or given in fold(option)]
    return exact[0] if exact else near[0] if len(near) == 1 else None
