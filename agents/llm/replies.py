"""What a model replies: one form per role, strict about meaning and lenient about length.

A form's schema goes to the server, bounded everywhere so that no reply can run on. A server that does not
enforce it may send too much: what is too long is cut, what means nothing is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from kedge.agents.decisions import AbstentionReason, Gap, Operation, Plan, SubQuestion

__all__ = [
    "CONFIDENCE",
    "AugmentReply",
    "BatchReply",
    "Choice",
    "ConceptsReply",
    "Confidence",
    "JudgeReply",
    "LocateReply",
    "Missing",
    "PlanReply",
    "ReadReply",
    "TriplesReply",
    "VerifyReply",
    "parse",
    "reason_of",
    "schema",
]

F = TypeVar("F", bound=BaseModel)

CONFIDENCE = {"high": 0.9, "medium": 0.6, "low": 0.3}


def _short(limit: int) -> BeforeValidator:
    """One line without control characters, cut where it is too long."""

    def cut(value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)  # a date or a number, unquoted
        if not isinstance(value, str):
            return value
        if not value.isprintable():
            value = "".join(c if c.isprintable() else " " for c in value)
        return " ".join(value.split())[:limit]

    return BeforeValidator(cut)


def _few(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: value[:limit] if isinstance(value, list) else value)


# Enumerations are matched without case.
_LOW = BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value)

Id = Annotated[str, Field(max_length=4), _short(4)]
Name = Annotated[str, Field(max_length=100), _short(100)]
Line = Annotated[str, Field(max_length=240), _short(240)]
Sentence = Annotated[str, Field(max_length=400), _short(400)]
Passage = Annotated[str, Field(max_length=2400), _short(2400)]
Confidence = Annotated[Literal["high", "medium", "low"], _LOW]
# Never "budget": running out of it is not for the model to say.
Reason = Literal["out of corpus", "missing hop", "false premise", "under-specified", "conflicting evidence"]


class ConceptReply(BaseModel):
    """One concept."""

    text: Name
    kind: Annotated[Literal["name", "date", "number", "kind", "relation", "option"], _LOW]


class ConceptsReply(BaseModel):
    """What a question is about."""

    concepts: Annotated[tuple[ConceptReply, ...], Field(max_length=8), _few(8)]


class Choice(BaseModel):
    """The number of an entry, or none."""

    choice: Annotated[Literal["none", "1", "2", "3", "4", "5"], _LOW, _short(4)]


class TripleReply(BaseModel):
    """One fact."""

    subject: Name
    relation: Name
    object: Name


class TriplesReply(BaseModel):
    """Names and facts of a passage."""

    names: Annotated[tuple[Name, ...], Field(max_length=40), _few(40)] = ()
    triples: Annotated[tuple[TripleReply, ...], Field(max_length=24), _few(24)]


class Missing(BaseModel):
    """A fact that the passages lack."""

    kind: Annotated[Literal["entity", "relation", "value", "premise"], _LOW] = "relation"
    target: Name
    slot: Name = ""
    description: Line = ""

    def gap(self) -> Gap:
        """The gap, described by its target and slot where the model did not."""
        description = self.description or f"{self.slot} of {self.target}".removeprefix(" of ")
        return Gap(kind=self.kind, target=self.target, slot=self.slot, description=description)


class JudgeReply(BaseModel):
    """Whether passages suffice; what is missing comes first, so that the verdict follows from it."""

    missing: Annotated[tuple[Missing, ...], Field(max_length=4), _few(4)]
    sufficient: bool
    reason: Annotated[Literal["none", Reason], _LOW] = "none"
    confidence: Confidence = "medium"


class Quotation(BaseModel):
    """What the model says it copied from a passage."""

    passage: Annotated[int, Field(ge=1, le=99)]
    text: Sentence


class ReadReply(BaseModel):
    """An answer; the quotations come first, so that it follows from them."""

    quotations: Annotated[tuple[Quotation, ...], Field(max_length=6), _few(6)]
    status: Annotated[Literal["answered", Reason], _LOW]
    answer: Line
    missing: Annotated[tuple[Missing, ...], Field(max_length=4), _few(4)] = ()
    confidence: Confidence = "medium"


class StepReply(BaseModel):
    """One step of a plan."""

    id: Id
    operation: Annotated[Operation, _LOW] = "search"
    question: Line
    depends_on: Annotated[tuple[Id, ...], Field(max_length=8), _few(8)] = ()


class PlanReply(BaseModel):
    """The steps of a plan, each after those it needs."""

    steps: Annotated[tuple[StepReply, ...], Field(min_length=1, max_length=8)]

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[StepReply, ...]) -> tuple[StepReply, ...]:
        """Each step needs earlier ones only, and says which."""
        before: list[str] = []
        for step in steps:
            if not step.id or step.id in before:
                raise ValueError(f"the id {step.id!r} is empty or used twice")
            later = [other.id for other in steps if other.id not in (*before, step.id)]
            unknown = [name for name in step.depends_on if name not in before]
            unknown += [name for name in _mentioned(step) if name in later]
            if unknown:
                raise ValueError(f"step {step.id} depends on {unknown[0]!r}, which is no earlier step")
            if step.operation != "search" and not step.depends_on:
                raise ValueError(f"step {step.id} is a {step.operation} of nothing: name the steps it needs")
            before.append(step.id)
        return steps

    def plan(self) -> Plan:
        """The plan; a step that mentions `#id` depends on it, whether or not it says so."""
        return Plan(steps=tuple(_sub_question(step, self.steps) for step in self.steps))


class GradeReply(BaseModel):
    """The grade of one passage."""

    passage: Annotated[int, Field(ge=1, le=99)]
    grade: Annotated[int, Field(ge=0, le=4)]


class BatchReply(BaseModel):
    """The grades of several passages."""

    grades: Annotated[tuple[GradeReply, ...], Field(max_length=50)]


class VerifyReply(BaseModel):
    """Whether an answer is supported; the sentence that decides comes first."""

    quotation: Sentence = ""
    verdict: Annotated[Literal["supported", "unsupported", "contradicted"], _LOW]
    reason: Annotated[Literal["none", Reason], _LOW] = "none"
    confidence: Confidence = "medium"


class PairReply(BaseModel):
    """A question and its answer."""

    question: Line
    answer: Line


class AugmentReply(BaseModel):
    """A passage in other words."""

    rewrite: Passage = ""
    questions: Annotated[tuple[PairReply, ...], Field(max_length=5), _few(5)]
    aliases: Annotated[tuple[Name, ...], Field(max_length=8), _few(8)] = ()


class DescribeReply(BaseModel):
    """What images show."""

    seen: bool
    description: Passage = ""
    confidence: Confidence = "medium"


_Edge = Annotated[int, Field(ge=0, le=1000)]


class PartReply(BaseModel):
    """A part of an image, its edges in thousandths."""

    what: Name = ""
    left: _Edge
    top: _Edge
    right: _Edge
    bottom: _Edge


class LocateReply(BaseModel):
    """Parts of an image that are worth a closer look."""

    parts: Annotated[tuple[PartReply, ...], Field(max_length=3), _few(3)] = ()


def parse(form: type[F], text: str) -> F:
    """The first JSON object of a reply, as this form.

    Raises:
        ValueError: there is none, or it does not fit; the message can be shown to the model.

    Example:
        >>> parse(Choice, 'Sure! ```json {"choice": 2}```').choice
        '2'
    """
    start = text.find("{")
    if start < 0:
        raise ValueError("there is no JSON object in it")
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, start)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # Written out and read again: half a character (a lone surrogate) becomes a question mark.
    return form.model_validate_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


@cache
def schema(form: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a form as servers want it: every field required, nothing else allowed, no titles.

    It is made once (2 ms) and shared: do not change it.
    """
    plain: dict[str, Any] = _plain(form.model_json_schema())
    return plain


def reason_of(reason: str, fallback: AbstentionReason = "out of corpus") -> AbstentionReason:
    """The reason for an abstention; a model that gives none gets the fallback."""
    reasons: dict[str, AbstentionReason] = {name: name for name in Reason.__args__}  # type: ignore[attr-defined]
    return reasons.get(reason, fallback)


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: _plain(value) for key, value in node.items() if key not in ("default", "description", "title")
    }
    for named in ("properties", "$defs"):  # their keys are names of ours, not words of JSON schema
        if named in node:
            plain[named] = {name: _plain(value) for name, value in node[named].items()}
    if "properties" in plain:
        plain |= {"required": list(plain["properties"]), "additionalProperties": False}
    return plain


def _sub_question(step: StepReply, steps: Sequence[StepReply]) -> SubQuestion:
    others = [other.id for other in steps if other.id != step.id]
    mentioned = [name for name in _mentioned(step) if name in others]
    needed = tuple(dict.fromkeys((*step.depends_on, *mentioned)))
    return SubQuestion(id=step.id, question=step.question, depends_on=needed, operation=step.operation)


def _mentioned(step: StepReply) -> list[str]:
    return re.findall(r"#(\w+)", step.question)
