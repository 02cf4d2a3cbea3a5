"""Judging whether evidence is enough: would reading answer, and if not, what is to be searched for."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.agents.decisions import Gap, Judgement
from kedge.agents.extractive.questions import analyse
from kedge.agents.extractive.reading import read
from kedge.tools.encoders import Encoder, PassageReader
from kedge.tools.knowledge_base.records import Evidence

__all__ = ["judge"]


async def judge(
    question: str, evidence: Sequence[Evidence], encoder: Encoder, reader: PassageReader
) -> Judgement:
    """Whether the evidence answers the question; the gaps name what a search should look for next.

    Reading is the judge, since it costs milliseconds: evidence is sufficient when an answer can be read from
    it. The confidence is that of the judgement, whichever way it goes.
    """
    reading = await read(question, evidence, encoder, reader)
    if reading.answer is not None:
        return Judgement(sufficient=True, confidence=reading.confidence)
    gaps = tuple(dict.fromkeys(reading.gaps)) or (_anything(question),)
    return Judgement(sufficient=False, confidence=reading.confidence, gaps=gaps, reason=reading.reason)


def _anything(question: str) -> Gap:
    """A gap for a refusal that names none, so that a loop always has something to search on."""
    understood = analyse(question)
    target = (
        understood.names[0] if understood.names else " ".join(understood.keys[:4]) or understood.text[:80]
    )
    slot = " ".join(understood.keys)[:80]
    return Gap(
        kind="relation", target=target, slot=slot, description=f"Nothing found answers: {understood.text}"
    )
