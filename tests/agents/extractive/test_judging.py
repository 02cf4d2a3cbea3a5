from __future__ import annotations

from kedge.agents.extractive.judging import judge
from kedge.tools.encoders import MiniLM, MiniReader
from tests.agents.extractive._world import WORLD, evidence

ENCODER, READER = MiniLM(), MiniReader()


async def test_enough() -> None:
    judgement = await judge("Who directed The Salt Road?", evidence(*WORLD), ENCODER, READER)
    assert judgement.sufficient
    assert judgement.confidence > 0.5
    assert not judgement.gaps


async def test_the_missing_hop_names_whom_to_search_for() -> None:
    judgement = await judge(
        "Where is the director of Harbour Lights buried?", evidence(*WORLD), ENCODER, READER
    )
    assert not judgement.sufficient
    assert judgement.reason == "missing hop"
    [gap] = judgement.gaps
    assert gap.target == "Tove Krag"
    assert "buried" in gap.slot
    assert "the director of Harbour Lights is (Tove Krag)" in gap.description


async def test_an_unknown_name_is_a_gap_to_search_on() -> None:
    judgement = await judge("Who wrote The Iron Coast?", evidence(*WORLD), ENCODER, READER)
    [gap] = judgement.gaps
    assert (judgement.reason, gap.kind, gap.target) == ("out of corpus", "entity", "The Iron Coast")


async def test_nothing_at_all_still_names_a_target() -> None:
    judgement = await judge("Who wrote The Iron Coast?", [], ENCODER, READER)
    assert not judgement.sufficient
    assert judgement.gaps[0].target == "The Iron Coast"
