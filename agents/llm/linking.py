"""Linking: names are looked up in the graph; the model decides where several entities fit about as well."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from kedge.agents.decisions import Concept, Link
from kedge.agents.extractive.linking import link
from kedge.agents.llm.asking import Asker
from kedge.agents.llm.prompting import prompt, quoted
from kedge.agents.llm.replies import Choice
from kedge.errors import DecisionFailed
from kedge.tools.knowledge_base import KnowledgeBase

__all__ = ["link_by_model"]

_TIE: Final = 0.05  # scores nearer than this to the best one are worth a question
_FACTS: Final = 3  # triples that tell what an entity is
_SURE: Final = 1.0


async def link_by_model(asker: Asker, concepts: Sequence[Concept], base: KnowledgeBase) -> tuple[Link, ...]:
    """Links by name, with the chosen one of each tie alone; ties that the model cannot break stay."""
    found = link(concepts, base)

    async def settled(concept: Concept) -> list[Link]:
        mine = [item for item in found if item.concept == concept]
        tied = [item for item in mine if item.score >= mine[0].score - _TIE]
        if concept.kind != "name" or len(tied) < 2 or mine[0].score >= _SURE:
            return mine
        others = ", ".join(other.text for other in concepts if other != concept)
        chosen = await _choose(asker, concept.text, others, tied, base)
        return mine if chosen is None else [chosen]

    groups = await asyncio.gather(*(settled(concept) for concept in dict.fromkeys(concepts)))
    return tuple(sorted((item for group in groups for item in group), key=lambda item: -item.score))


async def _choose(
    asker: Asker, name: str, others: str, tied: Sequence[Link], base: KnowledgeBase
) -> Link | None:
    """The link that the model takes for the one meant."""
    role = prompt("disambiguate")
    passages = quoted([_told(item.entity, base) for item in tied])
    messages = role.messages(passages=passages, others=others or "none", name=name)
    try:
        reply = await asker.ask(role, Choice, messages)
    except DecisionFailed:
        return None
    return tied[int(reply.choice) - 1] if reply.choice != "none" and int(reply.choice) <= len(tied) else None


def _told(entity: str, base: KnowledgeBase) -> str:
    """An entity's name and a few of its facts."""
    name = base.graph.nx.nodes[entity].get("name", entity)
    return "\n".join([f"Name: {name}", *(str(triple) for triple in base.triples(entity=entity)[:_FACTS])])
