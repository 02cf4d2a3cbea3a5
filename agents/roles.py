"""The roles: one decision each, with a typed input and a typed output.

A *cast* is an object that plays several roles. Methods ask for the roles they need (see `Cast`), so a cast
may be assembled from parts: any object with the right coroutine plays the role.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

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
from kedge.tools.images import Box
from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, KnowledgeBase

__all__ = [
    "Augmenter",
    "Cast",
    "ConceptFinder",
    "Describer",
    "EntityLinker",
    "Grader",
    "Judge",
    "Locator",
    "PathFinder",
    "Planner",
    "Reader",
    "TripleExtractor",
    "Verifier",
]


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


@runtime_checkable
class PathFinder(Protocol):
    """Answers from the graph by paths of relations. A cast may do without: then only passages answer."""

    async def lead(
        self, question: str, base: KnowledgeBase, links: Sequence[Link], findings: Sequence[Finding]
    ) -> Lead | None:
        """Where to look first, or, after these findings, next; `None` when nothing is left to try."""
        ...

    async def follow(self, question: str, base: KnowledgeBase, lead: Lead) -> Finding:
        """What a lead finds, and what is wrong with it."""
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


class Planner(Protocol):
    """Takes a question apart."""

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """Steps that answer the question; with `gaps`, steps that fill them."""
        ...


class Grader(Protocol):
    """Says how relevant passages are."""

    async def grade(self, question: str, passages: Sequence[Chunk]) -> tuple[float, ...]:
        """The relevance of each passage, 0 to 1, in the order given."""
        ...


class Verifier(Protocol):
    """Checks an answer against what it cites."""

    async def verify(self, question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
        """Whether the evidence says that this is the answer."""
        ...


class Augmenter(Protocol):
    """Puts a text in other words, so that it is found, or learnt, more easily."""

    async def augment(self, chunk: Chunk) -> Augmentation:
        """A paraphrase of the chunk, questions that it answers, and names it goes by."""
        ...


class Describer(Protocol):
    """Says what an image shows."""

    async def describe(
        self, question: str, hints: Sequence[str], images: Sequence[bytes] = ()
    ) -> Description:
        """What the images (PNG or JPEG files) show that the question asks for, or that can be said at all.

        Hints are texts about similar images, each of which may be wrong.
        """
        ...


@runtime_checkable
class Locator(Protocol):
    """Points at parts of an image. A cast may do without: then the image's layout alone says what to crop."""

    async def locate(self, question: str, image: bytes) -> tuple[Box, ...]:
        """Parts of an image (a PNG or JPEG file) that a question is about, the most important first."""
        ...


class Cast(
    ConceptFinder,
    EntityLinker,
    TripleExtractor,
    Planner,
    Judge,
    Reader,
    Grader,
    Verifier,
    Augmenter,
    Describer,
    Protocol,
):
    """All roles that the methods of this version use."""
