"""The embedded cast: rules, word lists and a sentence encoder; no language model, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kedge.agents.extractive.concepts import concepts
from kedge.agents.extractive.linking import link
from kedge.agents.extractive.triples import extract

if TYPE_CHECKING:
    from kedge.agents.decisions import Concept, Link
    from kedge.tools.knowledge_base import KnowledgeBase
    from kedge.tools.knowledge_base.records import Chunk, Extraction

__all__ = ["ExtractiveCast"]


@dataclass(frozen=True)
class ExtractiveCast:
    """Plays every role by rule. `encoder` compares the question with sentences of the evidence."""

    encoder: object

    async def concepts(self, question: str) -> tuple[Concept, ...]:
        """What the question is about and asks for, most important first."""
        return concepts(question)

    async def link(self, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
        """Entities of the graph that the concepts mean, best first."""
        return link(concepts, base)

    async def extract_triples(self, chunk: Chunk) -> Extraction:
        """Triples and names read from one chunk."""
        return extract(chunk)
