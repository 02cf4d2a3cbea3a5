"""The roles: one decision each, with a typed input and a typed output.

A *cast* is an object that plays several roles. Methods ask for the roles they need (see `Cast`), so a cast
may be assembled from parts: any object with the right coroutine plays the role.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kedge.agents.decisions import Concept, Judgement, Link, Reading
from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, KnowledgeBase

__all__ = ["Cast", "ConceptFinder", "EntityLinker", "Judge", "Reader", "TripleExtractor"]


class ConceptFinder(Protocol):
    """Reads off a question what it is about."""

    async def concepts(self, question: str) -> tuple[Concept, ...]:
        """What the question is about and asks for, most important first."""
        ...


class EntityLinker(Protocol):
    """Finds entities of the graph that concepts mean."""

    async def link(self, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
        """Entities of the graph that the concepts mean, best first; a concept may have none or several."""
        ...


class TripleExtractor(Protocol):
    """Reads triples off a text."""

    async def extract_triples(self, chunk: Chunk) -> Extraction:
        """Triples and names read from one chunk."""
        ...


class Judge(Protocol):
    """Says whether evidence is enough, and what it lacks."""

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """Whether the evidence is enough to answer the question."""
        ...


class Reader(Protocol):
    """Reads an answer off evidence."""

    async def read(self, question: str, evidence: Sequence[Evidence]) -> Reading:
        """The answer that the evidence supports, or the reason why it supports none."""
        ...


class Cast(ConceptFinder, EntityLinker, TripleExtractor, Judge, Reader, Protocol):
    """All roles that the methods of this version use."""
