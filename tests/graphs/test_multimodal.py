"""The multimodal method: where it looks, what it does when a look is not enough, and what it never does."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kedge import KnowledgeBase
from kedge.agents.decisions import Description, Gap, Judgement, Reading, Support
from kedge.agents.extractive.describing import describe
from kedge.agents.scripted import ScriptedCast
from kedge.errors import DecisionFailed, InputError, LoadError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.events import Event
from kedge.graphs.looking import destinations, refined
from kedge.graphs.multimodal import TOOLS
from kedge.graphs.run import stream
from kedge.testing import FakeEncoder, StubRequest, StubServer
from kedge.tools.images import as_png
from kedge.tools.knowledge_base import ParsedDocument
from kedge.tools.models import Budget, Meter, connect
from tests._pictures import sheet, told

ROOT = Path(__file__).resolve().parents[2]
FLAG = (ROOT / "examples" / "world" / "drawings" / "flag.png").read_bytes()
NOISE = as_png(Image.effect_noise((120, 90), 70))
GAP = Gap(kind="relation", target="flag", slot="designer", description="who designed the flag")


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    """The flag with what is said of it, a sheet of another colour, and a text without a picture."""
    documents = [
        told("flag", FLAG, "Flag of Averrin, by Delphine Trewarne"),
        told("sheet", sheet("red"), "A red sheet"),
    ]
    life = "Delphine Trewarne was born in Averrin in 1872."
    documents.append(ParsedDocument("life.txt", "life.txt", "Delphine Trewarne", life, "text", ()))
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd(documents, triples=False)
        yield base


async def run(
    base: KnowledgeBase, cast: Any, question: str, *images: bytes, **options: Any
) -> tuple[Answer, list[Event]]:
    context = Context(base, cast, images=images, gallery=base.gallery, **options)
    *events, answer = [item async for item in stream(question, context, method="multimodal")]
    assert isinstance(answer, Answer)
    return answer, [event for event in events if isinstance(event, Event)]


def quoting(question: str, evidence: Any) -> Reading:
    """Quotes the whole of the first chunk."""
    chunk = evidence[0].chunk
    return Reading(
        answer="Delphine Trewarne",
        support=(Support(chunk_id=chunk.id, start=0, end=len(chunk.text)),),
        confidence=0.9,
    )


ENOUGH = Judgement(sufficient=True, confidence=0.9)
LACKING = Judgement(sufficient=False, confidence=0.5, gaps=(GAP,))


async def test_the_picture_that_shows_the_same_leads_and_its_file_is_cited(base: KnowledgeBase) -> None:
    cast = ScriptedCast({"judge": [ENOUGH], "read": quoting})
    answer, events = await run(base, cast, "Who designed this?", FLAG)
    [citation] = answer.citations
    assert citation.source == "flag.png"
    assert base.gallery.same(FLAG) == [citation.chunk_id]
    assert citation.picture == str(base.gallery.file(base.pictures([citation.chunk_id])[0]))
    searched = next(event for event in events if event.kind == "searched")
    assert "Flag of Averrin" in searched.message  # "this" became what it shows


@pytest.mark.parametrize("judged", [LACKING, ENOUGH])  # of what it was not shown, nothing is enough
async def test_a_second_look_uses_crops_and_another_query(base: KnowledgeBase, judged: Judgement) -> None:
    sheet = Image.new("RGB", (900, 400), "tan")
    flag = Image.open(ROOT / "examples" / "world" / "drawings" / "flag.png").resize((360, 240))
    sheet.paste(flag, (450, 80))
    cast = ScriptedCast({"judge": [judged, ENOUGH], "read": quoting})
    answer, events = await run(base, cast, "Who designed this flag?", as_png(sheet))
    assert answer.text == "Delphine Trewarne"
    assert answer.citations[0].source == "flag.png"  # found by the crop alone
    queries = [event.message for event in events if event.kind == "searched"]
    assert len(set(queries)) == 2
    looked = next(event for event in events if event.kind == "looked")
    assert looked.data["alike"] == []


async def test_searches_are_bounded_by_tools_and_by_rounds(base: KnowledgeBase) -> None:
    def always(question: str, evidence: Any) -> Judgement:
        always.asked += 1  # type: ignore[attr-defined]
        gap = GAP.model_copy(update={"slot": f"designer {always.asked}"})  # type: ignore[attr-defined]
        return Judgement(sufficient=False, confidence=0.1, gaps=(gap,))

    always.asked = 0  # type: ignore[attr-defined]
    silent = Reading(answer=None, reason="missing hop")
    cast = ScriptedCast({"judge": always, "read": [silent]})
    answer, events = await run(base, cast, "Who?", FLAG, meter=Meter(Budget(rounds=50)))
    assert answer.abstention is not None
    searches = [event for event in events if event.kind == "searched"]
    assert 2 <= len(searches) <= TOOLS
    _, few = await run(base, cast, "Who else?", FLAG, meter=Meter(Budget(rounds=1)))
    assert len([event for event in few if event.kind == "searched"]) == 2


async def test_an_image_that_nothing_looks_like_is_not_answered_from_other_things(
    base: KnowledgeBase,
) -> None:
    cast = ScriptedCast({"judge": [ENOUGH], "read": quoting})
    answer, _ = await run(base, cast, "Who designed this flag?", NOISE)
    assert answer.abstention is not None
    assert answer.abstention.reason == "out of corpus"
    assert "read" not in [role for role, _ in cast.calls]


async def test_what_can_be_seen_is_described_without_a_search(base: KnowledgeBase) -> None:
    orange = as_png(sheet("orange"))
    said = Description(text="an orange sheet", hints=("A red sheet",), confidence=0.4)
    cast = ScriptedCast({"describe": [said]})
    answer, events = await run(base, cast, "What is in this picture?", orange)
    assert answer.text == "an orange sheet"
    assert "searched" not in [event.kind for event in events]
    [(_, (_, hints, images))] = cast.calls
    assert hints == ["A red sheet"]
    assert images == (orange,)
    assert [c.source for c in answer.citations] == ["sheet.png"]


async def test_what_is_said_of_pictures_unlike_the_image_is_no_hint(base: KnowledgeBase) -> None:
    cast = ScriptedCast({"describe": [Description(text="noise", confidence=0.4)]})
    await run(base, cast, "What is in this picture?", NOISE)
    [(_, (_, hints, _))] = cast.calls
    assert hints == []


async def test_a_picture_of_the_documents_is_described_in_their_words(base: KnowledgeBase) -> None:
    answer, _ = await run(base, ScriptedCast({}), "What is in this picture?", FLAG)
    assert answer.text == "Flag of Averrin, by Delphine Trewarne"


async def test_a_describer_that_fails_leaves_a_warning(base: KnowledgeBase) -> None:
    cast = ScriptedCast({"describe": [DecisionFailed("no reply")]})
    answer, _ = await run(base, cast, "What is in this picture?", NOISE)
    assert answer.abstention is not None
    assert answer.warnings == ("no reply",)


async def test_a_text_question_needs_no_image(base: KnowledgeBase) -> None:
    cast = ScriptedCast({"judge": [ENOUGH], "read": quoting})
    answer, events = await run(base, cast, "When was Delphine Trewarne born?")
    assert answer.answered
    assert "looked" not in [event.kind for event in events]


async def test_a_run_with_an_image_is_resumed_and_another_image_is_another_run(base: KnowledgeBase) -> None:
    cast = ScriptedCast({"judge": [ENOUGH], "read": quoting})
    for image, calls in ((FLAG, 2), (FLAG, 2), (NOISE, 4)):  # noise is looked at twice
        context = Context(base, cast, images=(image,), gallery=base.gallery)
        checkpoints = base.path / "checkpoints.sqlite"
        [*_, answer] = [
            item
            async for item in stream(
                "Who?", context, method="multimodal", checkpoints=checkpoints, thread="t"
            )
        ]
        assert isinstance(answer, Answer)
        assert len(cast.calls) == calls


# --- over HTTP, by a model that sees ------------------------------------------------------------------------


async def test_a_model_is_shown_the_image_the_crop_and_the_pictures_that_were_found(
    base: KnowledgeBase,
) -> None:
    shown: list[int] = []

    def seeing(request: StubRequest) -> str:
        name = request.body["response_format"]["json_schema"]["name"]
        content = request.body["messages"][-1]["content"]
        if name.startswith("describe"):
            shown.append(sum(part["type"] == "image_url" for part in content))
            return json.dumps({"seen": True, "description": "Seven rays", "confidence": "high"})
        if name.startswith("judge"):
            return json.dumps({"missing": [], "sufficient": False})
        return json.dumps({"quotations": [], "status": "out of corpus", "answer": "", "missing": []})

    with StubServer(seeing) as server:
        model = connect(server.url, "stub")
        read = await base.aask("Which number of rays has the emblem?", images=[FLAG], model=model)
        seen = await base.aask("What is in this picture?", images=[NOISE, FLAG], model=model)
    assert (read.text, seen.text) == ("Seven rays", "Seven rays")
    assert "flag.png" in [c.source for c in read.citations]
    assert shown[0] >= 2
    assert shown[-1] == 2
    assert read.ledger.roles["describe"].calls == 1


async def test_a_model_points_at_the_part_that_is_searched_with_and_sees_it(base: KnowledgeBase) -> None:
    sheet = Image.effect_noise((900, 400), 60).convert("RGB")
    flag = Image.open(io.BytesIO(FLAG)).convert("RGB").resize((252, 168))
    sheet.paste(flag, (27, 208))  # where the layout proposes nothing
    shown: list[int] = []

    def pointing(request: StubRequest) -> str:
        name = request.body["response_format"]["json_schema"]["name"]
        content = request.body["messages"][-1]["content"]
        if name.startswith("locate"):
            part = {"what": "a flag", "left": 30, "top": 520, "right": 310, "bottom": 940}
            return json.dumps({"parts": [{**part, "right": 20}, part]})
        if name.startswith("describe"):
            shown.append(sum(part["type"] == "image_url" for part in content))
            return json.dumps({"seen": True, "description": "Seven rays", "confidence": "high"})
        if name.startswith("judge"):
            return json.dumps({"missing": [], "sufficient": False})
        return json.dumps({"quotations": [], "status": "out of corpus", "answer": "", "missing": []})

    with StubServer(pointing) as server:
        model = connect(server.url, "stub")
        answer = await base.aask("Which number of rays has the emblem?", images=[as_png(sheet)], model=model)
    assert answer.text == "Seven rays"
    assert answer.citations[0].source == "flag.png"
    assert shown[-1] >= 3  # the image, the part of it, and the picture that was found


# --- the front door -----------------------------------------------------------------------------------------


async def test_an_image_chooses_the_method_and_bad_ones_are_refused(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    answer = await base.aask("What is in this picture?", images=[FLAG])
    assert answer.method == "multimodal"
    fake = tmp_path / "fake.png"
    fake.write_bytes(b"no image")
    for image, error, message in (
        ("http://127.0.0.1/x.png", InputError, "nothing is fetched"),
        ("file:///etc/passwd", InputError, "nothing is fetched"),
        (tmp_path / "absent.png", InputError, "no such image"),
        (fake, LoadError, "not an image"),
    ):
        with pytest.raises(error, match=message):
            await base.aask("What is it?", images=[image])
    with pytest.raises(InputError, match="looks at no images"):
        await base.aask("What is it?", images=[FLAG], method="metakgrag")


# --- decisions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "images", "paged", "expected"),
    [
        ("Who painted the chapel?", 0, True, ("text",)),
        ("Who designed this flag?", 1, False, ("text", "images")),
        ("Who is this?", 1, True, ("text", "images")),
        ("What does Figure 4 show for 1927?", 0, True, ("text", "pages")),
        ("What does Figure 4 show for 1927?", 0, False, ("text",)),
        ("Which pictures show a boat?", 0, False, ("text", "images")),
        ("Describe this photo.", 1, True, ()),
        ("What colour is the boat in this picture?", 1, True, ()),
        ("What colour is the boat?", 0, False, ("text",)),
    ],
)
def test_where_to_look_follows_the_question(
    question: str, images: int, paged: bool, expected: tuple[str, ...]
) -> None:
    route = destinations(question, images=images, paged=paged)
    assert route.places == expected
    assert route.search == bool(expected)


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_no_query_is_asked_twice(names: list[str], asked: list[str]) -> None:
    query = refined("Who?", [GAP], names, asked)
    assert query is None or query not in asked


def test_a_description_says_only_what_two_hints_say() -> None:
    hints = ["A red boat in the harbour of Hesk", "A boat in a harbour", "Two dogs"]
    assert describe(hints).text == "A boat in a harbour"
    assert describe(hints).hints == tuple(hints[:2])
    assert describe(["One boat", "Two dogs"]).text is None
    assert describe([]).text is None


@given(st.lists(st.text(alphabet="ab cd,.", max_size=30), max_size=5))
def test_a_description_stands_in_one_of_the_hints(hints: list[str]) -> None:
    said = describe(hints)
    assert said.text is None or any(said.text in hint for hint in hints)
    assert 0 <= said.confidence <= 1
