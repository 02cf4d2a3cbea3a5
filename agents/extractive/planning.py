"""Planning by rule: a question becomes the steps that answer it, as its grammar folds them together.

A question is opened from the inside. The shortest part that stands for something else ("the director of
Jaws", "the town where Ada was born", "Ada's father") becomes a question of its own, `#1` takes its place, and
the rest is looked at again, until nothing is folded inside it. Comparisons ask the same of each thing first;
questions joined by "and" are asked apart. Whatever no rule recognises stays one step: a question that is
split for no reason costs a search and may lose its meaning, one that is not split can be searched whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kedge.agents.decisions import Operation, Plan, SubQuestion
from kedge.agents.extractive._asking import interrogative
from kedge.agents.extractive._folded import folded
from kedge.agents.extractive._joined import Joined, joined, when
from kedge.agents.extractive._relative import Folded
from kedge.agents.extractive.questions import Comparison, Question, analyse

if TYPE_CHECKING:
    from kedge.agents.decisions import Gap

__all__ = ["plan"]

MAX_FOLDED: Final = 8  # things taken out of one question
MAX_GAPS: Final = 8

_REFERENCE: Final = re.compile(r"#(\d+)")


def plan(question: str, gaps: Sequence[Gap] = ()) -> Plan:
    """The steps that answer a question; with `gaps`, those that fill them.

    Any text is accepted: what is no question in English, is longer than 600 characters or more than one
    sentence is one step, as it is. A step refers only to steps before it, and the last one gives the answer.

    Example:
        >>> for step in plan("Who is older, the director of Jaws or Ada Lund?").steps:
        ...     print(step.id, step.operation, step.question)
        1 search Who is the director of Jaws?
        2 search When was #1 born?
        3 search When was Ada Lund born?
        4 earliest Who is older, the director of Jaws or Ada Lund?
    """
    if gaps:
        return _together([_asking(gap) for gap in gaps[:MAX_GAPS]], "union", question)
    text = re.sub(r"#(?=\w)", "No. ", " ".join(question.split()))  # not to be taken for a reference
    if not interrogative(text):
        return Plan(steps=(SubQuestion(id="1", question=question),))
    return Plan(steps=tuple(_steps(text, _Ids())))


class _Ids:
    """Numbers the steps of one plan."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> str:
        self.last += 1
        return str(self.last)


def _steps(text: str, ids: _Ids) -> list[SubQuestion]:
    understood = analyse(text)
    comparison = _comparison(text, understood)
    if comparison is not None and (asked := _asked_of(text, comparison)) is not None:
        return _compared(text, comparison, asked, ids)
    if (apart := joined(text)) is not None:
        return _apart(text, apart, ids)
    return list(_chain(understood.text, ids))


_CHOICE: Final = re.compile(
    r"(?P<be>Was|Were|Is|Are|Did|Does|Do|Has) (?P<a>[A-Z\"][^,?]*?),? or (?P<b>[A-Z\"][^,?]*?) "
    r"(?P<rest>[a-z][^?]*)\??"
)
_DESCRIBED: Final = re.compile(r"(?P<body>[^,?]+), (?P<a>[^,?]+?),? or (?P<b>[^,?]+)\??")


def _comparison(text: str, understood: Question) -> Comparison | None:
    """What is compared, also where it is described ("the director of Jaws") or stands first."""
    match = _DESCRIBED.fullmatch(text)
    if match and any(match[side].startswith("the ") for side in "ab"):
        named = analyse(f"{match['body']}, Ada or Eve?").comparison
        return replace(named, operands=(match["a"], match["b"])) if named else None
    if match := _CHOICE.fullmatch(text):
        return analyse(f"Who {match['be'].lower()} {match['rest']}, {match['a']} or {match['b']}?").comparison
    return understood.comparison


def _chain(text: str, ids: _Ids) -> Iterator[SubQuestion]:
    """One step for each thing folded inside a question, innermost first, and one for what is left."""
    for _ in range(MAX_FOLDED):
        inner = folded(text)
        if inner is None:
            break
        step = _search(ids, inner.question)
        yield step
        text = _without(text, inner, step.id)
    yield _search(ids, text)


def _search(ids: _Ids, question: str) -> SubQuestion:
    return SubQuestion(id=ids.next(), question=question, depends_on=_referred(question))


def _referred(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_REFERENCE.findall(text)))


def _without(text: str, inner: Folded, name: str) -> str:
    return f"{text[: inner.start]}#{name}{text[inner.end :]}"


# --- several questions in one ------------------------------------------------------------------------------

_ASKING: Final = re.compile(r"\b(?:who|what|which|where|when|how|is|are|was|were)\b")
_POINTING: Final = re.compile(r"\b(?:he|she|it|they|his|her|its|their|this|that)\b")
_MUTUAL: Final = re.compile(r"\b(?:share|different|similar|together|combined|between|each other)\b")
_OPERATIONS: Final[dict[tuple[str, bool], Operation]] = {
    ("low", True): "earliest",
    ("high", True): "latest",
    ("low", False): "smallest",
    ("high", False): "largest",
}


def _compared(text: str, comparison: Comparison, asked: Sequence[str], ids: _Ids) -> list[SubQuestion]:
    """The same asked of both, and the operation that decides."""
    steps: list[SubQuestion] = []
    ends = []
    for question in asked:
        steps += _chain(question, ids)
        ends.append(steps[-1].id)
    dated = asked[0].startswith("When")
    match comparison.operator:
        case "same":
            operation: Operation = "same"
        case "both":
            operation = "all"
        case "low" | "high":
            operation = _OPERATIONS[comparison.operator, dated]
        case _:
            operation = "compare"
    steps.append(SubQuestion(id=ids.next(), question=text, depends_on=tuple(ends), operation=operation))
    return steps


def _asked_of(text: str, comparison: Comparison) -> tuple[str, ...] | None:
    """What is asked of each of two things, if that can be said."""
    if any(len(operand) > 120 for operand in comparison.operands):
        return None
    if comparison.operator == "both" and _MUTUAL.search(text):
        return None
    if comparison.operator not in ("before", "after"):
        if any(map(_ASKING.search, comparison.operands)):
            return None
        return tuple(comparison.asked.format(operand) for operand in comparison.operands)
    one, other = comparison.operands
    if _POINTING.search(other) or not other[0].isupper():
        return None
    return f"When {text.split(' ', 1)[0].lower()} {one}?", when(other)


def _apart(text: str, apart: Joined, ids: _Ids) -> list[SubQuestion]:
    steps: list[SubQuestion] = []
    ends: list[str] = []
    for question in apart.questions:
        if ends and apart.operation == "search":
            question = question.replace("{}", f"#{ends[-1]}")
        steps += _chain(question, ids)
        ends.append(steps[-1].id)
    if apart.operation != "search":
        last = SubQuestion(id=ids.next(), question=text, depends_on=tuple(ends), operation=apart.operation)
        steps.append(last)
    return steps


# --- gaps --------------------------------------------------------------------------------------------------


def _asking(gap: Gap) -> str:
    """The question whose answer fills a gap."""
    target, slot = " ".join(gap.target.split()), " ".join(gap.slot.split())
    if not target:
        return gap.description
    return f"What is the {slot} of {target}?" if slot else f"What is {target}?"


def _together(questions: Sequence[str], operation: Operation, text: str) -> Plan:
    unique = list(dict.fromkeys(questions))
    steps = [SubQuestion(id=str(n), question=q) for n, q in enumerate(unique, start=1)]
    if len(steps) > 1:
        names = tuple(step.id for step in steps)
        steps.append(
            SubQuestion(id=str(len(steps) + 1), question=text, depends_on=names, operation=operation)
        )
    return Plan(steps=tuple(steps))
