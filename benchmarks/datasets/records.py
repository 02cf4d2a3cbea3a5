"""The records that data sets are read into, whatever their files look like."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedge.tools.knowledge_base.records import TripleDraft

__all__ = ["AnnotatedPassage", "Fact", "Passage", "Question", "passage_id", "readable"]


def passage_id(title: str, text: str) -> str:
    """The id of a passage in data sets that give it none: 16 hex digits made of its title and text.

    Example:
        >>> passage_id("Hesk", "An island.")
        '75c386e6e50210d5'
    """
    return hashlib.blake2b(f"{title}\n{text}".encode(), digest_size=8).hexdigest()


def readable(name: str) -> str:
    """A name as people write it: underscores for spaces undone, unless the name has spaces of its own.

    Example:
        >>> readable("Alan_PULIDO"), readable("The Foo_Bar"), readable("__film__film__produced_by")
        ('Alan PULIDO', 'The Foo_Bar', 'produced by')
    """
    if " " in name:
        return name
    tail = name.rsplit("__", 1)[-1] if name.startswith("__") else name
    return " ".join(tail.split("_")).strip() or name


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its gold labels.

    Attributes:
        id: Its id in the data set.
        question: The question, in words.
        answers: Every answer that counts as right; empty when the question cannot be answered. Where
            `extra["all_answers"]` is true, they are parts of one answer rather than alternatives.
        answerable: Whether the corpus holds an answer.
        hops: How many facts must be joined, where the data set says so.
        kind: The data set's own name for the kind of question.
        gold: Ids or titles of the passages that support the answer.
        extra: What else the data set says, in its own words.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool = True
    hops: int | None = None
    kind: str = ""
    gold: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class AnnotatedPassage:
    """A passage with the triples and names that somebody else's model read from it."""

    passage: Passage
    triples: tuple[TripleDraft, ...]
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of a ready-made graph, in the words of its file and always in its forward direction."""

    subject: str
    relation: str
    object: str

    @property
    def draft(self) -> TripleDraft:
        """The fact in words that people use.

        Example:
            >>> Fact("Alan_PULIDO", "plays_in_club", "Tigres_UANL").draft.relation
            'plays in club'
        """
        return TripleDraft(readable(self.subject), readable(self.relation), readable(self.object))
