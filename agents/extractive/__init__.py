"""The embedded cast: rules, word lists and a sentence encoder; no language model, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedge.agents.extractive.concepts import concepts as find_concepts
from kedge.agents.extractive.linking import link as link_concepts
from kedge.agents.extractive.triples import extract

if TYPE_CHECKING:
    from kedge.agents.decisions import Concept, Gap, Judgement, Link, Plan, Reading, Verification
    from kedge.tools.encoders import Encoder
    from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, KnowledgeBase

__all__ = ["ExtractiveCast"]


@dataclass(frozen=True)
class ExtractiveCast:
    """Plays every role by rule. `encoder` compares a question with the sentences of the evidence.

    Example:
        >>> import asyncio
        >>> cast = ExtractiveCast(encoder=None)  # no role but judging and reading encodes
        >>> [concept.text for concept in asyncio.run(cast.concepts("Who directed Loose Ankles?"))]
        ['Loose Ankles', 'directed', 'person']
    """

    encoder: Encoder

    async def concepts(self, question: str) -> tuple[Concept, ...]:
        """What the question is about and asks for, most important first."""
        return find_concepts(question)

    async def link(self, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
        """Entities of the graph that the concepts mean, best first."""
        return link_concepts(concepts, base)

    async def extract_triples(self, chunk: Chunk) -> Extraction:
        """Triples and names read from one chunk."""
        return extract(chunk)

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """Whether the evidence is enough to answer the question."""
        # Imported here: adding documents needs neither numpy nor the reader.
        from kedge.agents.extractive.judging import judge

        return await judge(question, evidence, self.encoder)

    async def read(self, question: str, evidence: Sequence[Evidence]) -> Reading:
        """The answer that the evidence supports, or the reason why it supports none."""
        from kedge.agents.extractive.reading import read

        return await read(question, evidence, self.encoder)

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """The steps that answer the question; with `gaps`, those that fill them."""
        # Imported here: only methods that plan need it.
        from kedge.agents.extractive.planning import plan

        return plan(question, gaps)

    async def verify(self, question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
        """Whether the passages hold the answer and mention every name of the question."""
        from kedge.agents.extractive.verifying import verify

        return verify(question, answer, evidence)
