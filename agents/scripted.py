"""A cast that plays from a script: for tests, for upper bounds, and for trying out a loop by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.agents.decisions import (
    Augmentation,
    Concept,
    Description,
    Gap,
    Judgement,
    Link,
    Plan,
    Reading,
    Verification,
)
from kedge.tools.knowledge_base import Chunk, Evidence, Extraction, KnowledgeBase

__all__ = ["ScriptedCast"]


@dataclass
class ScriptedCast:
    """Plays every role from a script.

    `script` holds for each role either a function of the role's arguments, or a list of decisions that are
    given in order, the last one again and again. `calls` records what was asked. A decision that is an
    exception is raised.

    Example:
        >>> import asyncio
        >>> cast = ScriptedCast({"read": [Reading(answer="Ada")]})
        >>> asyncio.run(cast.read("Who?", [])).answer
        'Ada'
        >>> cast.calls
        [('read', ('Who?', []))]
    """

    script: Mapping[str, Any]
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    async def concepts(self, question: str) -> tuple[Concept, ...]:
        """The scripted concepts."""
        return tuple(self._play("concepts", question))

    async def link(self, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
        """The scripted links."""
        return tuple(self._play("link", concepts, base))

    async def extract_triples(self, chunk: Chunk) -> Extraction:
        """The scripted extraction."""
        extraction: Extraction = self._play("extract_triples", chunk)
        return extraction

    async def judge(self, question: str, evidence: Sequence[Evidence]) -> Judgement:
        """The scripted judgement."""
        judgement: Judgement = self._play("judge", question, evidence)
        return judgement

    async def read(self, question: str, evidence: Sequence[Evidence]) -> Reading:
        """The scripted reading."""
        reading: Reading = self._play("read", question, evidence)
        return reading

    async def plan(self, question: str, gaps: Sequence[Gap] = ()) -> Plan:
        """The scripted plan."""
        plan: Plan = self._play("plan", question, gaps)
        return plan

    async def grade(self, question: str, passages: Sequence[Chunk]) -> tuple[float, ...]:
        """The scripted grades."""
        return tuple(self._play("grade", question, passages))

    async def verify(self, question: str, answer: str, evidence: Sequence[Evidence]) -> Verification:
        """The scripted verification."""
        verification: Verification = self._play("verify", question, answer, evidence)
        return verification

    async def augment(self, chunk: Chunk) -> Augmentation:
        """The scripted augmentation."""
        augmentation: Augmentation = self._play("augment", chunk)
        return augmentation

    async def describe(
        self, question: str, hints: Sequence[str], images: Sequence[bytes] = ()
    ) -> Description:
        """The scripted description."""
        description: Description = self._play("describe", question, hints, images)
        return description

    def _play(self, role: str, *args: Any) -> Any:
        asked = sum(name == role for name, _ in self.calls)
        self.calls.append((role, args))
        part = self.script[role]
        decision = part(*args) if callable(part) else part[min(asked, len(part) - 1)]
        if isinstance(decision, Exception):
            raise decision
        return decision
