"""What roles decide: frozen, typed, serialisable.

Every decision can be written into a trace, a checkpoint or an HTTP reply as it is.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AbstentionReason",
    "Augmentation",
    "Concept",
    "Description",
    "Finding",
    "Gap",
    "Judgement",
    "Lead",
    "Link",
    "Operation",
    "Plan",
    "Reading",
    "SubQuestion",
    "Support",
    "Verification",
]

AbstentionReason = Literal[
    "out of corpus",
    "missing hop",
    "false premise",
    "under-specified",
    "conflicting evidence",
    "budget",
]

Operation = Literal[
    "search",
    "compare",
    "count",
    "intersect",
    "union",
    "difference",
    "earliest",
    "latest",
    "largest",
    "smallest",
    "sum",
    "subtract",
    "same",
    "all",
    "any",
]
"""What a step of a plan does. `search` asks the documents; every other operation is executed by code on the
answers of the steps it depends on."""


class Decision(BaseModel):
    """Base of all decisions: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Concept(Decision):
    """Something the question is about: a name, a date, a kind of thing, or a relation that must be followed.

    `weight` is its share in coverage; options of a multiple-choice question weigh 0.5.
    """

    text: str
    kind: Literal["name", "date", "number", "kind", "relation"]
    weight: float = Field(default=1.0, ge=0.0)


class Link(Decision):
    """A concept found in the graph: the entity's key (see `entity_key`) and how sure the match is, 0 to 1."""

    concept: Concept
    entity: str
    score: float = Field(ge=0.0, le=1.0)


class Gap(Decision):
    """Something the question needs and the evidence lacks.

    `target` is the entity or concept it is about; `slot` the relation or property wanted of it.
    """

    kind: Literal["entity", "relation", "value", "premise"]
    target: str
    slot: str = ""
    description: str


class Judgement(Decision):
    """Whether the evidence is enough to answer, and what is missing when it is not.

    `notes` say how the decision came about where that matters: evidence left out, a reply that failed.
    """

    sufficient: bool
    confidence: float = Field(ge=0.0, le=1.0)
    gaps: tuple[Gap, ...] = ()
    reason: AbstentionReason | None = None
    notes: tuple[str, ...] = ()


class Lead(Decision):
    """Where to look on the graph: entities, and the relations from there that are kept up to the pivot.

    Relations are named by their labels, `~` being the way back. Two entities mean that paths from both must
    meet. A `wide` look compares many paths, another one takes what seems best hop by hop; those in `tabu` are
    not taken.

    Example:
        >>> Lead(entities=("heat",), kept=("starred actors", "~starred actors"), wide=True).kept[-1]
        '~starred actors'
    """

    entities: tuple[str, ...] = Field(min_length=1)
    kept: tuple[str, ...] = ()
    wide: bool = False
    tabu: tuple[tuple[str, ...], ...] = ()


class Finding(Decision):
    """What a lead found: the entities (keys) that answer, best first, and the path from each of its entities.

    `triples` join the lead's entities with the first answer. `quality` compares findings of one question.
    `doubt` is how far the path stays below what a path could have met, 0 is best; a finding that is not
    `trusted` is in too much doubt to be given as an answer.
    """

    lead: Lead
    answers: tuple[str, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()
    triples: tuple[int, ...] = ()
    coverage: float = Field(default=0.0, ge=0.0, le=1.0)
    relevance: float = Field(default=0.0, ge=0.0, le=1.0)
    quality: float = -1.0
    doubt: float = Field(default=1.0, ge=0.0)
    trusted: bool = False
    diagnosis: Literal["sufficient", "coverage", "drift", "kind"] = "coverage"
    gaps: tuple[Gap, ...] = ()


class Support(Decision):
    """A quotation: characters `start:end` of a chunk's text."""

    chunk_id: int
    start: int
    end: int


class Reading(Decision):
    """An answer read from evidence, with what supports it; or no answer, with the reason.

    Exactly one of `answer` and `reason` is set. Where several things answer, `answers` are all of them;
    `notes` are as in `Judgement`.
    """

    answer: str | None
    answers: tuple[str, ...] = ()
    support: tuple[Support, ...] = ()
    confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    reason: AbstentionReason | None = None
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()


class SubQuestion(Decision):
    """A step of a plan. `#id` in its text stands for the answer of the step `id`, one of `depends_on`."""

    id: str
    question: str
    depends_on: tuple[str, ...] = ()
    operation: Operation = "search"


class Plan(Decision):
    """A question as a graph of steps without cycles; the last step gives the answer.

    Example:
        >>> director = SubQuestion(id="1", question="Who directed Jaws?")
        >>> born = SubQuestion(id="2", question="When was #1 born?", depends_on=("1",))
        >>> [step.id for step in Plan(steps=(director, born)).steps]
        ['1', '2']
    """

    steps: tuple[SubQuestion, ...]


class Description(Decision):
    """What an image shows, or `None` where nothing could be said; `hints` are those that it rests on."""

    text: str | None
    hints: tuple[str, ...] = ()
    confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    notes: tuple[str, ...] = ()


class Verification(Decision):
    """Whether the quotations say what the answer says. `notes` are as in `Judgement`."""

    supported: bool
    confidence: float = Field(ge=0.0, le=1.0)
    reason: AbstentionReason | None = None
    notes: tuple[str, ...] = ()


class Augmentation(Decision):
    """Other words for a chunk: a paraphrase, questions with the answers it gives, names it goes by."""

    rewrite: str = ""
    questions: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
