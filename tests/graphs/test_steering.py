"""A person at the helm, and runs that go on from any round, after a real kill, too."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent

import pytest

from kedge._api import KnowledgeBase
from kedge.errors import InputError
from kedge.graphs.steering import Choice, Proposal
from kedge.tools.encoders import MiniLM
from kedge.tools.knowledge_base import TripleDraft
from kedge.tools.models import Budget

FACTS = [
    ("The Grey Heron", "directed_by", "Ines Marrick"),
    ("The Grey Heron", "starred_actors", "Bo Quill"),
    ("The Grey Heron", "release_year", "1931"),
    ("Low Tide", "directed_by", "Ines Marrick"),
    ("Low Tide", "release_year", "1934"),
    ("Ferry Night", "starred_actors", "Bo Quill"),
    ("Ferry Night", "release_year", "1936"),
]
QUESTION = "what were the release years of the films that share actors with [The Grey Heron]"


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", encoder=MiniLM(), create=True) as base:
        await base.aadd_triples([TripleDraft(*fact) for fact in FACTS], source="facts.tsv")
        yield base


def looks(answer: object) -> list[int]:
    return [event.round for event in answer.trace if event.kind == "perceived"]  # type: ignore[attr-defined]


async def test_a_person_sees_the_diagnosis_and_accepts(base: KnowledgeBase) -> None:
    seen: list[Proposal] = []

    async def accept(proposal: Proposal) -> Choice:
        seen.append(proposal)
        return Choice()

    steered = await base.aask(QUESTION, pause=accept)
    free = await base.aask(QUESTION)
    assert steered.text == free.text == "1936"
    assert len(seen) == len(looks(free)) - 1 >= 1
    assert seen[0].diagnosis in ("coverage", "drift", "kind")
    assert seen[0].starts == ("the grey heron",)
    assert [event.message for event in steered.trace if event.kind == "steered"]


async def test_a_person_stops(base: KnowledgeBase) -> None:
    async def stop(proposal: Proposal) -> Choice:
        return Choice(action="stop")

    answer = await base.aask(QUESTION, pause=stop)
    assert looks(answer) == [0]


async def test_a_person_moves_the_search_to_another_entity(base: KnowledgeBase) -> None:
    async def change(proposal: Proposal) -> Choice:
        return Choice(action="change", start="Low Tide")

    answer = await base.aask(QUESTION, pause=change, budget=Budget(rounds=1))
    second = [event for event in answer.trace if event.kind == "perceived"][1]
    assert second.data["lead"]["entities"] == ["low tide"]


async def test_a_run_goes_on_from_any_round(base: KnowledgeBase) -> None:
    first = await base.aask(QUESTION, thread="t", budget=Budget(rounds=0))
    assert looks(first) == [0]
    again = [item async for item in base.astream(QUESTION, thread="t")]
    assert again == [first]  # a finished run gives its answer again
    whole = await base.aask(QUESTION, thread="u")
    later = [item async for item in base.astream(QUESTION, thread="u", from_round=1)]
    assert later[-1].text == whole.text  # type: ignore[union-attr]
    assert [item.round for item in later[:-1] if item.kind == "perceived"] == looks(whole)[1:]  # type: ignore[union-attr]


async def test_a_round_that_never_was_is_said(base: KnowledgeBase) -> None:
    await base.aask(QUESTION, thread="t")
    with pytest.raises(InputError, match="no round 9"):
        await base.aask(QUESTION, thread="t", from_round=9)
    with pytest.raises(InputError, match="only be gone back to in a thread"):
        await base.aask(QUESTION, from_round=1)


KILLED = """
    import asyncio, os, signal, sys
    from kedge import KnowledgeBase

    async def pause(proposal):
        os.kill(os.getpid(), signal.SIGKILL)

    with KnowledgeBase.open(sys.argv[1]) as base:
        asyncio.run(base.aask(sys.argv[2], thread="killed", pause=pause))
"""


async def test_a_run_that_was_killed_at_the_prompt_goes_on_there(base: KnowledgeBase) -> None:
    """Nothing that was finished is done again: the next process begins with the person's choice."""
    command = [sys.executable, "-c", dedent(KILLED), str(base.path), QUESTION]
    killed = await asyncio.create_subprocess_exec(*command)
    assert await killed.wait() == -signal.SIGKILL
    asked: list[Proposal] = []

    async def accept(proposal: Proposal) -> Choice:
        asked.append(proposal)
        return Choice()

    events = [item async for item in base.astream(QUESTION, thread="killed", pause=accept)]
    kinds = [(item.kind, item.round) for item in events[:-1]]  # type: ignore[union-attr]
    assert kinds[:2] == [("started", 0), ("steered", 0)]
    assert ("linked", 0) not in kinds
    assert ("perceived", 0) not in kinds
    assert asked[0].round == 0
    assert events[-1].text == "1936"  # type: ignore[union-attr]
