"""An answer with its citations, or an abstention with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from kedge.agents.decisions import AbstentionReason, Gap, Reading, Support
from kedge.graphs.events import Event
from kedge.tools.knowledge_base import Chunk, Evidence, Triple
from kedge.tools.models import Ledger

__all__ = ["Abstention", "Answer", "Citation", "Step", "compose"]

QUOTED_NEAREST = 3


class Citation(BaseModel):
    """A quotation that supports the answer: characters `start:end` of the document's text.

    One that tells of a picture names its file, and its box on the page: left, top, right, bottom, as
    fractions. One from a recording names the seconds between which it is said or shown.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    chunk_id: int
    document_id: str
    source: str
    title: str
    quote: str
    start: int
    end: int
    page: int | None = None
    time: tuple[float, float] | None = None
    picture: str | None = None
    box: tuple[float, float, float, float] | None = None


class Abstention(BaseModel):
    """Why there is no answer, what is missing, and the nearest things that were found."""

    model_config = ConfigDict(frozen=True)

    reason: AbstentionReason
    missing: tuple[Gap, ...] = ()
    nearest: tuple[Citation, ...] = ()


class Step(BaseModel):
    """One triple on the evidence path, and the citation that it was read from, if that one is cited."""

    model_config = ConfigDict(frozen=True)

    subject: str
    relation: str
    object: str
    chunk_id: int | None = None
    citation: int | None = None


class Answer(BaseModel):
    """What a method returns: `text`, or an `abstention`; never both, never neither.

    Where several things answer, `answers` are all of them; `text` is then a list of the first. `warnings`
    name what failed, timed out or was left out on the way, one line each.

    Example:
        >>> answer = Answer(question="Who?", method="metakgrag", text="Ada Moss", confidence=0.8)
        >>> answer.answered, str(answer)
        (True, 'Ada Moss')
    """

    model_config = ConfigDict(frozen=True)

    question: str
    method: str
    text: str | None = None
    answers: tuple[str, ...] = ()
    abstention: Abstention | None = None
    citations: tuple[Citation, ...] = ()
    path: tuple[Step, ...] = ()
    confidence: float = Field(default=0.0, ge=0.0, le=1.0)
    ledger: Ledger = Field(default_factory=Ledger)
    trace: tuple[Event, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.text is not None

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        if self.abstention is None:
            return "no answer"
        missing = "; ".join(gap.description for gap in self.abstention.missing)
        return f"not in these documents: {self.abstention.reason}" + (f" ({missing})" if missing else "")


def compose(
    question: str,
    method: str,
    reading: Reading,
    evidence: Sequence[Evidence],
    path: Iterable[Triple] = (),
    *,
    ledger: Ledger,
    trace: Sequence[Event] = (),
    warnings: Sequence[str] = (),
) -> Answer:
    """Turn a reading into an answer: number the quotations, and tie the evidence path to them."""
    chunks = {item.chunk.id: item.chunk for item in evidence}
    supported = [(chunks[s.chunk_id], s) for s in _widest(reading.support) if s.chunk_id in chunks]
    citations = tuple(_cite(n, chunk, support) for n, (chunk, support) in enumerate(supported, start=1))
    abstention = None
    if reading.answer is None:
        nearest = citations or tuple(
            _cite(n, chunk, Support(chunk_id=chunk.id, start=0, end=len(chunk.text)))
            for n, chunk in enumerate(list(chunks.values())[:QUOTED_NEAREST], start=1)
        )
        reason = reading.reason or "out of corpus"
        abstention = Abstention(reason=reason, missing=reading.gaps, nearest=nearest)
    return Answer(
        question=question,
        method=method,
        text=reading.answer,
        answers=reading.answers,
        abstention=abstention,
        citations=citations if reading.answer is not None else (),
        path=tuple(_step(triple, citations) for triple in path),
        confidence=reading.confidence,
        ledger=ledger,
        trace=tuple(trace),
        warnings=tuple(warnings),
    )


def _widest(supports: Sequence[Support]) -> list[Support]:
    """Leave out quotations that lie inside another one."""

    def inside(one: Support, other: Support) -> bool:
        same = one.chunk_id == other.chunk_id and one != other
        return same and other.start <= one.start and one.end <= other.end

    return [s for s in dict.fromkeys(supports) if not any(inside(s, other) for other in supports)]


def _cite(number: int, chunk: Chunk, support: Support) -> Citation:
    return Citation(
        number=number,
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        source=chunk.source,
        title=chunk.title,
        quote=chunk.text[support.start : support.end],
        start=chunk.start + support.start,
        end=chunk.start + support.end,
        page=chunk.page,
        time=chunk.time(support.start, support.end),
    )


def _step(triple: Triple, citations: Sequence[Citation]) -> Step:
    cited = next((c.number for c in citations if c.chunk_id == triple.chunk_id), None)
    return Step(
        subject=triple.subject,
        relation=triple.relation,
        object=triple.object,
        chunk_id=triple.chunk_id,
        citation=cited,
    )
