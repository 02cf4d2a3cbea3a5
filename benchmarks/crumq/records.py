"""What the pipeline makes: questions with their supports, kept as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kedge.agents.decisions import AbstentionReason
from kedge.benchmarks.datasets import Question
from kedge.benchmarks.datasets.rows import Row, attempt, json_rows
from kedge.errors import LoadError

__all__ = [
    "FORMATS",
    "LENGTHS",
    "TYPES",
    "Format",
    "Item",
    "Kind",
    "Length",
    "Marks",
    "Side",
    "Support",
    "Type",
    "items",
    "length_of",
    "question_of",
]

Side = Literal["internal", "external"]
Type = Literal["multi-step reasoning", "critical analysis", "integration of knowledge"]
Format = Literal[
    "yes/no",
    "factual",
    "explanation",
    "numeric",
    "comparison",
    "cause-effect",
    "conditional",
    "motivation",
    "failed expectation",
    "judgement",
    "attribute",
]
Length = Literal["1-2 words", "3-8 words", "one sentence", "two sentences", "3-4 sentences"]
Kind = Literal[
    "bridge",
    "conjunction",
    "comparison",
    "difference",
    "false premise",
    "unverifiable premise",
    "under-specified",
    "written",
]

TYPES: tuple[Type, ...] = Type.__args__  # type: ignore[attr-defined]
FORMATS: tuple[Format, ...] = Format.__args__  # type: ignore[attr-defined]
LENGTHS: tuple[Length, ...] = Length.__args__  # type: ignore[attr-defined]


class Record(BaseModel):
    """Base of all records: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Support(Record):
    """A document that a question needs, on which side it is, and what it says, word for word.

    Where the question was composed from triples, `subject`, `relation` and `object` are the fact.
    """

    document: str
    side: Side
    quote: str
    subject: str = ""
    relation: str = ""
    object: str = ""


class Marks(Record):
    """How good a question is: with all its documents in view, and with the internal ones alone."""

    necessity: int = Field(ge=0, le=3)
    sufficiency: int = Field(ge=0, le=2)
    correctness: int = Field(ge=0, le=2)
    uniqueness: int = Field(ge=0, le=2)
    internal_necessity: int = Field(ge=0, le=3)
    internal_sufficiency: int = Field(ge=0, le=2)
    hops: int = Field(ge=0)
    notes: tuple[str, ...] = ()


class Item(Record):
    """A question of a CRUMQ set.

    Attributes:
        id: Made of the question and the corpus that it is asked of.
        question: The question.
        answers: What the documents say when all of them are there; empty where there is no answer at all.
        corpus: What it is asked of: the internal documents, or all of them.
        answerable: Whether that corpus holds an answer.
        kind: How it was made.
        reason: Why it cannot be answered.
        type: What it asks of the reader.
        format: What form the answer has.
        length: How long the answer is.
        hops: How many documents must be joined.
        external: The share of them that is external; difficulty is `(hops, external)`.
        supports: These documents.
        starts: The names in the question that lead to them.
        twin: The id of the same question, asked of all documents, or of the internal ones.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    corpus: Literal["internal", "full"] = "internal"
    answerable: bool = False
    kind: Kind
    reason: AbstentionReason | None = None
    type: Type
    format: Format
    length: Length
    hops: int = Field(ge=1)
    external: float = Field(ge=0.0, le=1.0)
    supports: tuple[Support, ...]
    starts: tuple[str, ...] = ()
    twin: str | None = None


def items(path: str | Path, *, refused: list[str] | None = None) -> Iterator[Item]:
    """The questions of a CRUMQ file.

    Args:
        path: The file.
        refused: Rows that do not fit are left out, and told here with file and line.

    Raises:
        LoadError: The file cannot be read; or a row does not fit, and is not to be left out.
    """
    seen: set[str] = set()
    for row in json_rows(Path(path), refused):
        item = attempt(partial(_item, row, seen), refused)
        if item is not None:
            seen.add(item.id)
            yield item


def _item(row: Row, seen: set[str]) -> Item:
    try:
        item = Item.model_validate(row.data)
        problem = _problem(item, seen)
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}"
    if problem:
        raise LoadError(f"{row.where}: {problem}", fix="mend the row, or read the file leniently")
    return item


def _problem(item: Item, seen: set[str]) -> str:
    if item.id in seen:
        return f"the id {item.id!r} is used twice"
    if item.answerable and not item.answers:
        return "answerable, but without gold answer"
    return "" if item.question.strip() else "the question is empty"


def question_of(item: Item) -> Question:
    """The item as a question of any data set."""
    return Question(
        item.id,
        item.question,
        item.answers if item.answerable else (),
        answerable=item.answerable,
        hops=item.hops,
        kind=item.kind,
        gold=tuple(dict.fromkeys(support.document for support in item.supports)),
        extra={
            "reason": item.reason,
            "external": item.external,
            "corpus": item.corpus,
            "twin": item.twin,
            "outside": () if item.answerable else item.answers,
            "supports": [
                support.model_dump(include={"document", "side", "quote"}) for support in item.supports
            ],
        },
    )


def length_of(answer: str) -> Length:
    """The length of an answer, in the words of the pipeline.

    Example:
        >>> length_of("Ted Wilde"), length_of("It closed. Nobody came.")
        ('1-2 words', 'two sentences')
    """
    words, sentences = len(answer.split()), sum(answer.count(mark) for mark in (". ", "! ", "? ")) + 1
    if words <= 2:
        return "1-2 words"
    if words <= 8 and sentences == 1 and not answer.endswith("."):
        return "3-8 words"
    return LENGTHS[min(1 + sentences, 4)]
