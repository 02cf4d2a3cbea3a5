"""What one step of a plan does: search and read, ask another method, or operate on earlier answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

from kedge.agents.decisions import Gap, Reading, SubQuestion, Support
from kedge.errors import KedgeError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.evidence import leading
from kedge.graphs.operations import Operand, operate
from kedge.graphs.run import METHODS
from kedge.tools.knowledge_base import Evidence

__all__ = ["Branch", "attempted", "blocks", "cut", "failures_of", "gaps_of", "looked", "operated"]

BLOCK = 1_000  # tokens of each sub-question's block: ParallelSearch's limit for all of them together
TOKEN = 4  # characters


class Branch(BaseModel):
    """What came of one step: its question with earlier answers put in, evidence, reading, or its failure."""

    model_config = ConfigDict(frozen=True)

    step: SubQuestion
    question: str
    about: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reading: Reading | None = None
    failure: str = ""
    events: tuple[Event, ...] = ()

    @property
    def answer(self) -> str | None:
        """The answer of this step, if it has one."""
        return self.reading.answer if self.reading else None

    @property
    def chunks(self) -> list[int]:
        """The chunks of its evidence, best first."""
        return [item.chunk.id for item in self.evidence]


def blocks(branches: Iterable[Branch]) -> tuple[Evidence, ...]:
    """Each step's passages in the order of the plan, labelled with the step, at most `BLOCK` tokens each.

    A passage that several steps found stands in the first one's block, so every block has room for its own.
    """
    found = [branch for branch in branches if branch.evidence]
    finders: dict[int, list[str]] = {}
    for branch in found:
        for item in branch.evidence:
            finders.setdefault(item.chunk.id, []).append(f"#{branch.step.id}")
    shown: dict[int, Evidence] = {}
    for branch in found:
        for item in cut([item for item in branch.evidence if item.chunk.id not in shown]):
            label = f"{', '.join(finders[item.chunk.id])} {branch.question}"
            shown[item.chunk.id] = replace(item, reason=f"{label} ({item.reason})")
    return tuple(shown.values())


def cut(evidence: Sequence[Evidence], tokens: int = BLOCK) -> tuple[Evidence, ...]:
    """The best passages, each of them whole, that so many tokens hold; never less than one."""
    ends = accumulate(len(item.chunk.text) for item in evidence)
    return tuple(
        item
        for n, (item, end) in enumerate(zip(evidence, ends, strict=True))
        if not n or end <= tokens * TOKEN
    )


async def attempted(blank: Branch, looking: Awaitable[Branch], seconds: float | None) -> Branch:
    """What was found; where that failed or took too long, the failure in words."""
    try:
        async with asyncio.timeout(seconds):
            [done] = await asyncio.gather(looking, return_exceptions=True)
    except TimeoutError:
        return blank.model_copy(update={"failure": f"timed out after {seconds:.1f} s, its share of the time"})
    if isinstance(done, Branch):
        return done
    failure = str(done) if isinstance(done, KedgeError) else f"{type(done).__name__}: {done}"
    return blank.model_copy(update={"failure": failure})


async def looked(blank: Branch, context: Context, read: bool) -> Branch:
    """Evidence for the step's question and, where somebody needs it, the answer."""
    meter, question = context.meter, blank.question
    method = context.nested(question) if context.nested is not None else None
    if method is not None:
        return await _nested(blank, replace(context, nested=None), method)
    evidence = tuple(await meter.play("search", context.search, context.base, question, context.passages))
    reading = await meter.play("read", context.cast.read, question, evidence) if read else None
    return blank.model_copy(update={"evidence": evidence, "reading": reading})


async def _nested(blank: Branch, context: Context, method: str) -> Branch:
    """The step's question, answered by another method."""
    module = import_module(METHODS[method])
    state = await module.graph.ainvoke({"question": blank.question, "trace": []}, context=context)
    answer: Answer = state["answer"]
    quoted = answer.citations or (answer.abstention.nearest if answer.abstention else ())
    cited = context.base.chunks(list(dict.fromkeys(citation.chunk_id for citation in quoted)))
    starts = {chunk.id: chunk.start for chunk in cited}
    support = tuple(
        Support(chunk_id=c.chunk_id, start=c.start - starts[c.chunk_id], end=c.end - starts[c.chunk_id])
        for c in answer.citations
    )
    reading = Reading(answer=answer.text, support=support, confidence=answer.confidence)
    if answer.abstention is not None:
        declined = {"reason": answer.abstention.reason, "gaps": answer.abstention.missing}
        reading = reading.model_copy(update=declined)
    first = [Evidence(chunk, 1.0, f"cited by {method}") for chunk in cited]
    evidence = leading(first, state.get("evidence", ()))
    return blank.model_copy(update={"evidence": evidence[: context.passages], "reading": reading})


def operated(blank: Branch, earlier: Iterable[Branch]) -> Branch:
    """The operation's answer, which rests on all the answers that it was made from."""
    earlier = tuple(earlier)
    operands = [Operand(b.step.id, b.about, b.answer) for b in earlier]
    outcome = operate(blank.step.operation, blank.question, operands)
    if outcome.answer is None:
        return blank.model_copy(update={"failure": outcome.problem})
    readings = [b.reading for b in earlier if b.reading is not None and b.answer is not None]
    support = tuple(dict.fromkeys(s for reading in readings for s in reading.support))
    confidence = min(reading.confidence for reading in readings)
    return blank.model_copy(
        update={"reading": Reading(answer=outcome.answer, support=support, confidence=confidence)}
    )


def gaps_of(branches: Iterable[Branch]) -> list[Gap]:
    """What is missing: the gaps of steps that found no answer, and the questions of those that failed."""
    gaps: list[Gap] = []
    for branch in _wanting(branches):
        own = Gap(kind="value", target=branch.question, description=f"#{branch.step.id} {branch.question}")
        gaps += (branch.reading and branch.reading.gaps) or (own,)
    return gaps


def failures_of(branches: Iterable[Branch]) -> list[str]:
    """The steps that failed, by name, and why."""
    return [f"#{b.step.id} {b.question}: {b.failure}" for b in _wanting(branches) if b.failure]


def _wanting(branches: Iterable[Branch]) -> list[Branch]:
    """Steps without an answer, but for those that only lack the answer of another one."""
    wanting = {b.step.id: b for b in branches if b.answer is None and (b.reading or b.failure)}
    return [b for b in wanting.values() if not wanting.keys() & set(b.step.depends_on)]
