"""What actions take and give. Every text in a result is data from documents or models, made safe to print."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from kedge._views.clean import clean, one_line
from kedge._views.words import span_of
from kedge.agents.decisions import AbstentionReason
from kedge.tools.search import How

__all__ = [
    "AddDocuments",
    "Added",
    "Arguments",
    "Ask",
    "Excerpt",
    "ExploreGraph",
    "Fact",
    "FindPath",
    "Found",
    "GetDocument",
    "LookAtImage",
    "Neighbours",
    "Passage",
    "Paths",
    "Picture",
    "Quotation",
    "Reply",
    "Result",
    "Search",
    "WrittenText",
    "complaint",
]

MOST_TEXT = 1_000_000  # characters of one text that is added
Method = Literal["metakgrag", "parallel", "research", "sequential", "splitting", "retrieve_read"]
Name = Annotated[str, Field(min_length=1, max_length=1_000)]
Clean = Annotated[str, AfterValidator(clean)]
Time = Annotated[
    tuple[float, float], Field(description="Seconds of a recording between which it is said or shown.")
]


class Arguments(BaseModel):
    """Base of all arguments: what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def complaint(error: ValidationError, arguments: type[Arguments]) -> str:
    """What is wrong with arguments, without repeating what was sent; and what may be given.

    Example:
        >>> from pydantic import ValidationError
        >>> try:
        ...     Search.model_validate({"query": "pier", "colour": "red"})
        ... except ValidationError as error:
        ...     print(complaint(error, Search))
        colour: Extra inputs are not permitted (the arguments are query, k, how, offset)
    """
    problems = (f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()[:5])
    return f"{'; '.join(problems)} (the arguments are {', '.join(arguments.model_fields)})"


class Result(BaseModel):
    """Base of all results."""

    model_config = ConfigDict(frozen=True)

    def as_text(self) -> str:
        """The result as text for a model to read."""
        return self.model_dump_json()


class Search(Arguments):
    """Arguments of `search`."""

    query: str = Field(min_length=1, max_length=4_000, description="Words, or a whole question.")
    k: int = Field(default=8, ge=1, le=50, description="How many passages.")
    how: How = Field(default="hybrid", description="Which search.")
    offset: int = Field(default=0, ge=0, le=500, description="How many of the best to leave out.")


class Passage(Result):
    """A passage: characters `start:end` of its document."""

    document_id: str
    chunk_id: int
    title: Clean
    source: Clean
    heading: Clean
    text: Clean
    start: int
    end: int
    page: int | None
    time: Time | None
    score: float
    reason: Clean


class Found(Result):
    """Passages, best first; `next_offset` asks for more."""

    passages: list[Passage]
    next_offset: int | None = None

    def as_text(self) -> str:
        blocks = [
            f"[{n}] {one_line(p.title or p.source)} (document_id {p.document_id}, "
            f"characters {p.start}–{p.end}{f', {span_of(p.time)}' if p.time else ''})\n{p.text}"
            for n, p in enumerate(self.passages, start=1)
        ]
        more = f"\n\n(more with offset {self.next_offset})" if self.next_offset is not None else ""
        return "\n\n".join(blocks) + more or "nothing found"


class Ask(Arguments):
    """Arguments of `ask`."""

    question: str = Field(min_length=1, max_length=4_000, description="One question, in plain words.")
    method: Method = Field(default="metakgrag", description="How it is worked on; `research` chooses.")
    rounds: int = Field(default=3, ge=0, le=10, description="Turns of the loop at most.")
    seconds: float = Field(default=60.0, gt=0, le=600, description="Time it may take.")


class Quotation(Result):
    """What a document says: characters `start:end` of it."""

    number: int
    document_id: str
    title: Clean
    source: Clean
    quote: Clean
    start: int
    end: int
    page: int | None
    time: Time | None

    def as_text(self) -> str:
        page = f", page {self.page}" if self.page else ""
        time = f", {span_of(self.time)}" if self.time else ""
        return f"[{self.number}] {one_line(self.title or self.source)}{page}{time}: “{one_line(self.quote)}”"


class Fact(Result):
    """A triple, and the chunk that it was read from."""

    subject: Clean
    relation: Clean
    object: Clean
    chunk_id: int | None

    def __str__(self) -> str:
        return one_line(f"{self.subject} — {self.relation} → {self.object}")


class Reply(Result):
    """An answer with its sources, or why there is none: `text`, or `reason` and `missing`."""

    answered: bool
    text: Clean | None
    reason: AbstentionReason | None
    missing: list[Clean]
    sources: list[Quotation]
    path: list[Fact]
    confidence: float
    method: str
    seconds: float
    calls: int
    warnings: list[Clean]
    run: str | None = Field(default=None, description="URI of the whole run, with its trace.")

    def as_text(self) -> str:
        lines = [
            self.text or f"No answer: {self.reason}.",
            *(f"Missing: {one_line(m)}" for m in self.missing),
        ]
        if self.sources:
            lines += ["", "Sources" if self.answered else "Nearest found"]
        lines += [source.as_text() for source in self.sources]
        if self.path:
            lines += ["", "Evidence path", *map(str, self.path)]
        return "\n".join(lines)


class ExploreGraph(Arguments):
    """Arguments of `explore_graph`."""

    entity: Name = Field(description="A name.")
    about: str = Field(default="", max_length=4_000, description="What the facts should have to do with.")
    hops: int = Field(default=1, ge=1, le=4, description="How far from the entity.")
    limit: int = Field(default=20, ge=1, le=200, description="How many facts at most.")


class Neighbours(Result):
    """Facts around an entity, each hanging together with an earlier one."""

    entity: Clean
    facts: list[Fact]

    def as_text(self) -> str:
        return "\n".join(map(str, self.facts)) or f"nothing is known of {one_line(self.entity)}"


class FindPath(Arguments):
    """Arguments of `find_path`."""

    start: Name = Field(description="A name.")
    end: Name = Field(description="Another name.")
    longest: int = Field(default=4, ge=1, le=6, description="Facts in a path at most.")
    count: int = Field(default=3, ge=1, le=10, description="How many paths.")


class Paths(Result):
    """Paths between two entities, the most telling first."""

    start: Clean
    end: Clean
    paths: list[list[Fact]]

    def as_text(self) -> str:
        numbered = enumerate(self.paths, start=1)
        return "\n\n".join("\n".join([f"Path {n}", *map(str, path)]) for n, path in numbered) or "no path"


class GetDocument(Arguments):
    """Arguments of `get_document`."""

    document: Name = Field(description="The document_id that a search gave, or a source.")
    offset: int = Field(default=0, ge=0, description="The first character.")
    limit: int = Field(default=8_000, ge=1, le=50_000, description="How many characters.")


class Excerpt(Result):
    """Characters `start:end` of a document; `next_offset` asks for what follows."""

    document_id: str
    title: Clean
    source: Clean
    kind: str
    characters: int
    start: int
    end: int
    text: Clean
    next_offset: int | None

    def as_text(self) -> str:
        more = f"\n\n(more with offset {self.next_offset})" if self.next_offset is not None else ""
        return f"{one_line(self.title)}\n\n{self.text}{more}"


class LookAtImage(Arguments):
    """Arguments of `look_at_image`."""

    document: Name = Field(description="The document_id of an image.")
    region: tuple[float, float, float, float] | None = Field(
        default=None,
        description="Left, top, right and bottom of the part to look at, as shares of the image from 0 to 1.",
    )


class Picture(Result):
    """An image as PNG, at most 1,024 pixels wide and high, and what is written about it."""

    document_id: str
    title: Clean
    source: Clean
    description: Clean
    width: int
    height: int
    _png: bytes = PrivateAttr(default=b"")

    @property
    def png(self) -> bytes:
        """The image itself, which no JSON shows."""
        return self._png

    def as_text(self) -> str:
        return f"{one_line(self.title)}\n\n{self.description}"


class WrittenText(Arguments):
    """A text to add as a document."""

    title: Name
    text: str = Field(min_length=1, max_length=MOST_TEXT)


class AddDocuments(Arguments):
    """Arguments of `add_documents`."""

    paths: list[Name] = Field(default=[], max_length=100, description="Files and folders on the server.")
    texts: list[WrittenText] = Field(default=[], max_length=100, description="Texts that come with the call.")


class Added(Result):
    """What became of the documents that were to be added."""

    added: int
    replaced: int
    unchanged: int
    duplicates: int
    chunks: int
    triples: int
    failed: list[Clean]
