"""What a question takes for granted and the evidence denies, leaves open, or says in two ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from kedge.agents.decisions import Gap
from kedge.agents.extractive._candidates import Candidate
from kedge.agents.extractive._passages import Passage, Passages, fold, key_of, name_forms
from kedge.agents.extractive._vocabulary import NEGATIONS
from kedge.agents.extractive.language import bare_title, dates, names, numbers, tokens
from kedge.agents.extractive.questions import Question
from kedge.tools.knowledge_base.records import entity_key

__all__ = ["ambiguous", "contradicted", "disagreeing", "mistaken", "undecided"]

# How much less probable an answer about another bearer of a name may be and still count.
CLOSE: Final = 0.25

_PREPOSITION: Final = re.compile(r"\b(in|at|by|from|on|near)(?: the)? $", re.IGNORECASE)


def contradicted(question: Question, passage: Passage) -> Gap | None:
    """The premise that a passage about the question's subject and relation denies.

    Either the passage negates the relation ("never married"), or it has another value in the place of the
    question's ("founded in Paris" where the question says Berlin).
    """
    related = _related(question, passage)
    if not related or not question.names or not _about(question.names[0], passage):
        return None
    subject = question.names[0]
    if not question.negated and question.kind != "yes-no" and _denied(passage, related):
        text = f"The documents found say the opposite of what the question assumes: “{passage.text[:160]}”"
        return Gap(kind="premise", target=subject, slot=" ".join(question.keys[:3]), description=text)
    for preposition, value in _circumstances(question):
        instead = _instead(preposition, value, passage, related)
        if instead:
            text = (
                f"The question says {preposition} {value}; the documents found say {preposition} {instead}."
            )
            return Gap(kind="premise", target=subject, slot=preposition, description=text)
    return None


def _about(name: str, passage: Passage) -> bool:
    places = (passage.folded, fold(passage.context))
    return any(form in place for form in name_forms(name) for place in places)


def _related(question: Question, passage: Passage) -> list[int]:
    """Ends of the words in the passage that express a relation of the question."""
    wanted = {key_of(word) for word in question.keys}
    return [t.end for t in tokens(passage.text) if t.text[0].isalnum() and key_of(t.text) in wanted]


def _denied(passage: Passage, related: Sequence[int]) -> bool:
    for word in tokens(passage.text):
        if word.text.lower() in NEGATIONS and any(0 < end - word.end <= 20 for end in related):
            return True
    return False


def _circumstances(question: Question) -> list[tuple[str, str]]:
    """Names and years of the question that stand behind a preposition, the subject left out."""
    values = [*question.names[1:], *(date.text for date in dates(question.text))]
    found = []
    for value in values:
        at = question.text.find(value)
        before = _PREPOSITION.search(question.text[max(0, at - 12) : at]) if at > 0 else None
        if before:
            found.append((before.group(1).lower(), value))
    return found


def _instead(preposition: str, value: str, passage: Passage, related: Sequence[int]) -> str:
    """Another value of the same type behind the same preposition, close after the relation."""
    text = passage.text
    dated = bool(dates(value))
    if any(form in passage.folded for form in name_forms(value)):
        return ""
    options = dates(text) if dated else names(text)
    if dated and any(d.text and (value in d.text or d.text in value) for d in dates(text)):
        return ""
    for option in options:
        before = _PREPOSITION.search(text[max(0, option.start - 12) : option.start])
        if (
            before
            and before.group(1).lower() == preposition
            and any(0 <= option.start - end <= 12 for end in related)
        ):
            return option.text
    return ""


def ambiguous(question: Question, scored: Sequence[Candidate], passages: Passages) -> Gap | None:
    """A name that titles of several things share, where they give different answers."""
    for name in question.names:
        wanted = entity_key(name)
        titles = {p.chunk.title for p in passages.all if entity_key(bare_title(p.chunk.title)) == wanted}
        if len(titles) < 2 or any(entity_key(title) == wanted for title in titles):
            continue
        answers: dict[str, str] = {}
        for candidate in (c for c in scored if c.chance >= CLOSE * scored[0].chance):
            title = candidate.passage.chunk.title
            if title in titles:
                answers.setdefault(title, entity_key(candidate.text))
        if len(set(answers.values())) > 1:
            listed = "; ".join(sorted(answers))
            return Gap(kind="entity", target=name, slot="", description=f"“{name}” may mean: {listed}.")
    return None


def undecided(question: Question, scored: Sequence[Candidate]) -> Gap | None:
    """A part of a name ("Tamsin") that several names end with ("Great Tamsin", "Little Tamsin").

    It is left open only where each of them has an answer of its own, and none is simply called that.
    """
    near = [c for c in scored if c.chance >= CLOSE * scored[0].chance]
    for name in question.names:
        answers: dict[str, str] = {}
        for candidate in near:
            bearer = _bearer(name, candidate.passage)
            if bearer is None:
                break
            if bearer:
                answers.setdefault(bearer, entity_key(candidate.text))
        else:
            if len(answers) > 1 and len(set(answers.values())) > 1:
                listed = "; ".join(sorted(answers))
                return Gap(kind="entity", target=name, slot="", description=f"“{name}” may mean: {listed}.")
    return None


def _bearer(name: str, passage: Passage) -> str | None:
    """Whose name in the passage ends with a shorter one: empty for nobody's, `None` where it stands alone."""
    wanted = fold(name)
    title = bare_title(passage.chunk.title)
    if fold(title) == wanted:
        return None
    longer = [n.text for n in names(passage.text) if fold(n.text).endswith(wanted) and fold(n.text) != wanted]
    longer += [title] if fold(title).endswith(wanted) else []
    if not longer and wanted in passage.folded:
        return None
    return longer[0] if longer else ""


def mistaken(question: Question, passages: Passages) -> Gap | None:
    """A circumstance that the evidence tells of a namesake, and nowhere of the question's subject.

    "When did the Grey Heron sink on the Anvil Rocks?" where it was the Grey Petrel that did.
    """
    if question.description is not None or len(question.names) < 2:
        return None
    subject = question.names[0]
    words = {word for word in fold(subject).split() if len(word) > 3}
    for preposition, value in _circumstances(question):
        if value not in question.names or value == subject:
            continue
        there = [p for p in passages.all if passages.name_in(p, value) == 1.0]
        if not there or any(passages.name_in(p, subject) >= 0.5 for p in there):
            continue
        for passage in there:
            others = [n.text for n in names(passage.text)] + [bare_title(passage.chunk.title)]
            rival = next((n for n in others if n not in value and words & set(fold(n).split())), "")
            if rival:
                text = f"The documents found say {preposition} {value} of {rival}, not of {subject}."
                return Gap(kind="premise", target=subject, slot=preposition, description=text)
    return None


def disagreeing(question: Question, scored: Sequence[Candidate]) -> Gap | None:
    """Two documents that give different dates or numbers for the same thing, equally well supported."""
    if question.expects not in ("date", "number") or not scored or not question.names or question.plural:
        return None
    best = scored[0]
    for other in scored[1:]:
        if other.passage.chunk.document_id == best.passage.chunk.document_id:
            continue
        alike = all(
            candidate.features["about"] >= 0.9 and candidate.features["overlap"] >= 0.9
            for candidate in (best, other)
        )
        if alike and _differ(best.text, other.text) and other.features["near"] >= best.features["near"] - 0.1:
            text = f"The documents found disagree: {best.text} or {other.text}."
            return Gap(
                kind="value", target=question.names[0], slot=" ".join(question.keys[:3]), description=text
            )
    return None


def _differ(one: str, other: str) -> bool:
    for first, second in zip(dates(one), dates(other), strict=False):
        if None in (first.earliest, second.earliest, first.latest, second.latest):
            return False
        return bool(first.latest < second.earliest or second.latest < first.earliest)  # type: ignore[operator]
    for a, b in zip(numbers(one), numbers(other), strict=False):
        return a.unit == b.unit and a.value != b.value
    return False
