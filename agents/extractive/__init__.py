"""The embedded cast: rules, a sentence encoder and a small reader; no language model, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from kedge.agents.extractive.concepts import concepts as find_concepts
from kedge.agents.extractive.linking import link as link_concepts
from kedge.agents.extractive.triples import extract

if TYPE_CHECKING:
    from kedge.agents.decisions import (
        Augmentation,
        Concept,
        Description,
        Finding,
        Gap,
        Judgement,
        Lead,
        Link,
        Plan,
        Reading,
        Verification,
    )
    from kedge.tools.encoders import Encoder, PassageReader
    from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, KnowledgeBase

__all__ = ["ExtractiveCast"]


@dataclass(frozen=True)
class ExtractiveCast:
    """Plays every role. `encoder` compares a question with the sentences of the evidence.

    `reader` reads passages; by default the one that ships with Kedge, loaded when it first reads.

    Example:
        >>> import asyncio
        >>> cast = ExtractiveCast(encoder=None)  # no role but judging and reading encodes
        >>> [concept.text for concept in asyncio.run(cast.concepts("Who directed Loose Ankles?"))]
        ['Loose Ankles', 'directed', 'person']
    """

    encoder: Encoder
    reader: PassageReader | None = field(default=None, kw_only=True)

    async def concepts(self, question: str) -> tuple[Concept, ...]:
        """What the question is about and asks for, most important first."""
        return find_concepts(question)

    async def link(self, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
        """Entities of the graph that the concepts mean, best first."""
        return link_concepts(concepts, base)

    async def extract_triples(self, chunk: Chunk) -> Extraction:
        """Triples and names read from one chunk."""
        return extract(chunk)

    async def augment(self, chunk: Chunk) -> Augmentation:
        """Questions that the chunk answers, and names it goes by."""
        from kedge.agents.extractive.augmenting import augment

        return augment(chunk)

    async def lead(
        self, question: str, base: KnowledgeBase, links: Sequence[Link], findings: Sequence[Finding]
    ) -> Lead | None:
        """Where to look first on the graph, or, after these findings, next."""
        from kedge.agents.extractive.graph_answers import next_lead
        from kedge.agents.extractive.options import choices

        return await next_lead(choices(question).stem, base.graph, self.encoder, links, findings)

    async def follow(self, question: str, base: KnowledgeBase, lead: Lead) -> Finding:
        """What a lead finds on the graph, and what is wrong with it."""
        from kedge.agents.extractive.graph_answers import follow
        from kedge.agents.extractive.options import choices, favoured

        asked = choices(question)
        return favoured(await follow(asked.stem, base.graph, self.encoder, lead), asked.options)

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """Whether the evidence is enough to answer the question."""
        # Imported here: adding documents needs neither numpy nor the reader.
        from kedge.agents.extractive.judging import judge
        from kedge.agents.extractive.options import choices

        return await judge(choices(question).stem, evidence, self.encoder, self.reader or _shipped())

    async def read(self, question: str, evidence: Sequence[Evidence]) -> Reading:
        """The answer that the evidence supports (one of the options, if any), or why it supports none."""
        from kedge.agents.extractive.captions import shown
        from kedge.agents.extractive.options import among, choices
        from kedge.agents.extractive.reading import read

        if caption := shown(question, evidence):
            return caption
        asked = choices(question)
        reading = await read(asked.stem, evidence, self.encoder, self.reader or _shipped())
        return among(asked, reading, evidence)

    async def grade(self, question: str, passages: Sequence[Chunk]) -> tuple[float, ...]:
        """How probably each passage helps to answer, 0 to 1, in the order given."""
        from kedge.agents.extractive.grading import grade

        return await grade(question, passages, self.encoder, self.reader or _shipped())

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """The steps that answer the question; with `gaps`, those that fill them."""
        # Imported here: only methods that plan need it.
        from kedge.agents.extractive.planning import plan

        return plan(question, gaps)

    async def describe(
        self, question: str, hints: Sequence[str], images: Sequence[bytes] = ()
    ) -> Description:
        """Whether a statement is true of a scene of plain shapes; else what at least two of the hints say."""
        from kedge.agents.extractive.describing import describe, judged

        verdict = judged(question, images)
        return describe(hints) if verdict is None else verdict

    async def verify(self, question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
        """Whether the passages hold the answer and mention every name of the question."""
        from kedge.agents.extractive.verifying import verify

        return verify(question, answer, evidence)


@lru_cache(maxsize=1)
def _shipped() -> PassageReader:
    """One for all casts of this process: its weights are read once."""
    from kedge.tools.encoders import MiniReader

    return MiniReader()
