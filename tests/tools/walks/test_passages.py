from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import (
    Block,
    Chunk,
    Evidence,
    Extraction,
    KnowledgeBase,
    ParsedDocument,
    TripleDraft,
)
from kedge.tools.walks import Survey, Trail, Weights, evidence_of, look, look_further, passage_walk
from kedge.tools.walks.passages import COMMON, LONGEST, PIVOTS

QUESTION = "In which year was the market founded in the town where the designer of Skerry Light was born?"
WORLD = {
    "Skerry Light": "Skerry Light is a lighthouse. Its designer was Ada Holm, a keen sailor.",
    "Ada Holm": "Ada Holm (3 June 1861) grew up in Varde and went to sea.",
    "Varde": "Varde lies on a river. Its herring trade began in 1442.",
    "Bread": "Bread is baked from flour, water and salt, and sold in a market in the town.",
    "Ferry": "The ferry in which the year began was founded where the market was.",
}
MENTIONS = {
    "Skerry Light": Extraction((TripleDraft("Skerry Light", "designer", "Ada Holm"),)),
    "Ada Holm": Extraction((TripleDraft("Ada Holm", "grew up in", "Varde"),)),
}


def parsed(title: str, text: str) -> ParsedDocument:
    return ParsedDocument(title, title, title, text, "text", (Block("paragraph", 0, len(text)),))


async def extract(chunk: Chunk) -> Extraction:
    return MENTIONS.get(chunk.title, Extraction())


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        yield base


@pytest.fixture
async def base(empty: KnowledgeBase) -> KnowledgeBase:
    await empty.aadd([parsed(title, text) for title, text in WORLD.items()], extract=extract)
    return empty


def titles(found: list[Evidence]) -> list[str]:
    return [evidence.chunk.title for evidence in found]


def way_to(base: KnowledgeBase, survey: Survey, title: str) -> tuple[str, ...]:
    """The titles of the trail that leads to a title."""
    for trail in survey.trails:
        way = tuple(chunk.title for chunk in base.chunks(trail.chunks))
        if way[-1] == title:
            return way
    return ()


async def test_rounds_lead_along_names_to_what_shares_no_word_with_the_question(base: KnowledgeBase) -> None:
    survey = await look(base, QUESTION)
    assert titles(evidence_of(base, survey, 1)) == ["Skerry Light"]
    assert all(len(trail.chunks) == 1 for trail in survey.trails)
    survey = await look_further(base, survey)
    assert way_to(base, survey, "Ada Holm") == ("Skerry Light", "Ada Holm")
    survey = await look_further(base, survey)
    assert way_to(base, survey, "Varde")[-2:] == ("Ada Holm", "Varde")
    assert survey.rounds == 2


async def test_the_closed_loop_ranks_the_second_hop_higher_than_the_open_one(base: KnowledgeBase) -> None:
    opened = titles(await passage_walk(base, QUESTION, 5, rounds=0))
    closed = titles(await passage_walk(base, QUESTION, 5, rounds=2))
    assert closed.index("Ada Holm") < opened.index("Ada Holm")
    assert closed[0] == "Skerry Light"


async def test_titles_in_a_text_lead_on_where_there_is_no_graph(empty: KnowledgeBase) -> None:
    await empty.aadd([parsed(title, text) for title, text in WORLD.items()])
    assert not len(empty.graph)
    survey = await look_further(empty, await look(empty, QUESTION))
    assert way_to(empty, survey, "Ada Holm") == ("Skerry Light", "Ada Holm")


async def test_a_round_only_adds(base: KnowledgeBase) -> None:
    survey = await look(base, QUESTION)
    while not survey.finished:
        further = await look_further(base, survey)
        scores = {trail.end: trail.score for trail in further.trails}
        assert all(scores[trail.end] >= trail.score for trail in survey.trails)
        assert further.gain >= 0 or further.finished
        survey = further
        assert survey.rounds < 20
    assert await look_further(base, survey) == survey


async def test_a_round_says_what_it_did(base: KnowledgeBase) -> None:
    survey = await look_further(base, await look(base, QUESTION))
    assert 0 < len(survey.pivots) <= PIVOTS
    assert survey.gap
    assert "skerri" not in survey.gap
    assert set(survey.pivots) == set(survey.followed)
    reached = next(item for item in evidence_of(base, survey, 5) if item.chunk.title == "Ada Holm")
    assert reached.reason == "reached through Ada Holm"


async def test_trails_never_come_back_to_a_document_and_stay_short(empty: KnowledgeBase) -> None:
    ring = {f"Station {name}": f"From Station {name} the line goes to Station {after}."
            for name, after in zip("abcdef", "bcdefa", strict=True)}  # fmt: skip
    await empty.aadd([parsed(title, text) for title, text in ring.items()])
    survey = await look(empty, "Where does the line from Station a go?")
    for _ in range(6):
        survey = await look_further(empty, survey)
    assert max(len(trail.chunks) for trail in survey.trails) <= LONGEST
    for trail in survey.trails:
        assert len(set(trail.chunks)) == len(trail.chunks) == len(trail.names) + 1


async def test_a_name_that_everybody_mentions_leads_only_to_its_own_page(empty: KnowledgeBase) -> None:
    many = {f"Ship {n}": f"Ship number {n} sailed from Norholm." for n in range(COMMON + 5)}
    page = {"Norholm": "A port on the coast.", "Skerry": "The bell of the tower was cast in Norholm."}

    async def mention(chunk: Chunk) -> Extraction:
        return Extraction(mentions=("Norholm",))

    await empty.aadd([parsed(title, text) for title, text in (many | page).items()], extract=mention)
    survey = await look(empty, "Who cast the bell of the tower?")
    first = survey.trails[0].end
    survey = await look_further(empty, survey)
    reached = [trail for trail in survey.trails if trail.chunks[0] == first and len(trail.chunks) == 2]
    assert [chunk.title for trail in reached for chunk in empty.chunks([trail.end])] == ["Norholm"]


async def test_a_new_version_of_a_passage_is_found_and_the_old_one_is_not(base: KnowledgeBase) -> None:
    assert "Ada Holm" in titles(await passage_walk(base, QUESTION, 5))
    for version in range(20):
        await base.aadd([parsed("Ada Holm", f"Ada Holm, version {version}, lived by the sea.")])
    found = await passage_walk(base, QUESTION, 5)
    assert [item.chunk.text for item in found if item.chunk.title == "Ada Holm"] == [
        "Ada Holm, version 19, lived by the sea."
    ]
    await base.aremove(["Ada Holm"])
    assert "Ada Holm" not in titles(await passage_walk(base, QUESTION, 5))


@pytest.mark.parametrize("question", ["", "???", "who is it", "Кто построил маяк?", "Varde " * 500])
async def test_any_question_gives_finite_scores(base: KnowledgeBase, question: str) -> None:
    for item in await passage_walk(base, question, 5):
        assert math.isfinite(item.score)


async def test_an_empty_base_has_nothing(empty: KnowledgeBase) -> None:
    survey = await look(empty, QUESTION)
    assert survey.finished
    assert (await look_further(empty, survey)).trails == ()
    assert await passage_walk(empty, QUESTION) == []


async def test_weights_can_be_left_out(base: KnowledgeBase) -> None:
    whole = await look_further(base, await look(base, QUESTION))
    weights = Weights(about=0.0, rare=0.0, step=5.0)
    blind = await look_further(base, await look(base, QUESTION, weights=weights), weights=weights)
    assert way_to(base, whole, "Ada Holm") != way_to(base, blind, "Ada Holm") == ("Ada Holm",)


async def test_impossible_numbers_are_refused(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="best 0"):
        await passage_walk(base, QUESTION, 0)
    with pytest.raises(InputError, match="-1 rounds"):
        await passage_walk(base, QUESTION, rounds=-1)


async def test_a_survey_survives_a_checkpoint(base: KnowledgeBase) -> None:
    survey = await look_further(base, await look(base, QUESTION))
    keeper = JsonPlusSerializer(allowed_msgpack_modules=(Survey, Trail))
    again = keeper.loads_typed(keeper.dumps_typed(survey))
    assert again == survey
    assert await look_further(base, again) == await look_further(base, survey)
