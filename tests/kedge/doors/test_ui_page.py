"""The page in a browser: what is seen while a method runs and after, with keyboard, markup and colours."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from kedge import Answer, Citation, Event, KnowledgeBase
from kedge.agents.decisions import Gap
from kedge.graphs.answer import Abstention, Step
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import ParsedDocument, TripleDraft

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

if TYPE_CHECKING:
    from conftest import Browser

from kedge import ui
from kedge._doors.listening import listener

NASTY = "<script>window.planted = 1</script><img src=x onerror='window.planted = 2'>"
TEXT = f"Long ago. 𝒜da {NASTY} built the Gull. She sailed."
QUOTE = f"𝒜da {NASTY} built the Gull."
ENTER, ESCAPE, TAB = ("Enter", 13, "\r"), ("Escape", 27, ""), ("Tab", 9, "")


class Staged(KnowledgeBase):
    """Answers every question alike, and waits in the middle until it is let go on."""

    go_on = asyncio.Event()
    ended = 0

    async def astream(self, question: str, **options: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        try:
            steps = [
                {"id": "1", "question": "Who built the Gull?", "depends_on": []},
                {"id": "2", "question": "Who was #1?", "depends_on": ["1"]},
            ]
            gap = {"kind": "value", "target": "Gull", "slot": "", "description": f"who {NASTY} was"}
            yield Event(kind="started", message=question)
            yield Event(kind="linked", message=f"linked to {NASTY}", data={"entities": ["gull"]})
            yield Event(kind="perceived", message="1 walk", data={"path": [["Ada", "built", "Gull"]]})
            yield Event(kind="evaluated", message=f"coverage: who {NASTY} was", data={"gaps": [gap]})
            yield Event(kind="adjusted", message="back to gull", data={"starts": ["gull"], "aim": "sailed"})
            yield Event(kind="planned", message="2 steps", data={"steps": steps})
            yield Event(
                kind="branch", message="#1", data={"id": "1", "question": NASTY, "state": "searching"}
            )
            await self.go_on.wait()
            path = [["Gull", NASTY, "Tarn"]]
            yield Event(kind="perceived", message="1 walk", round=1, data={"path": path})
            done = {"id": "1", "question": NASTY, "state": "done", "answer": "Ada"}
            yield Event(kind="branch", message="#1 Ada", data=done)
            yield self.given(question, str(options["method"]))
        finally:
            type(self).ended += 1

    def given(self, question: str, method: str) -> Answer:
        [document, *_] = self.documents()
        start = TEXT.index(QUOTE)
        cited = Citation(
            number=1,
            chunk_id=self.chunks_of(document.id)[0].id,
            document_id=document.id,
            source=document.source,
            title=document.title,
            quote=QUOTE,
            start=start,
            end=start + len(QUOTE),
        )
        if method == "parallel":
            gap = Gap(kind="entity", target="Tarn", description=f"where {NASTY} is")
            declined = Abstention(reason="missing hop", missing=(gap,), nearest=(cited,))
            return Answer(question=question, method=method, abstention=declined)
        step = Step(subject="Ada", relation="built", object="Gull", citation=1)
        return Answer(
            question=question, method=method, text="Ada", confidence=0.8, citations=(cited,), path=(step,)
        )


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[KnowledgeBase]:
    Staged.go_on, Staged.ended = asyncio.Event(), 0
    with Staged.open(tmp_path / "staged", create=True, encoder=FakeEncoder()) as base:
        nasty = ParsedDocument("a.txt", "a.txt", NASTY, TEXT, "text", ())
        others = [
            ParsedDocument(f"{n}.txt", f"{n}.txt", f"Leaf {n}", f"Text {n}.", "text", ()) for n in range(60)
        ]
        base.add(nasty, *others, triples=False, pictures=False)
        triples = [TripleDraft("Gull", f"carried {NASTY}", f"{NASTY} {n}") for n in range(5)]
        asyncio.run(base.aadd_triples(triples, source="facts"))
        yield base


@asynccontextmanager
async def listening(served: Any) -> AsyncIterator[str]:
    """The URL of a real server."""
    server = listener(served, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        await serving


async def asked(browser: Browser, url: str, **window: Any) -> None:
    """Open the page and ask with the keyboard alone."""
    await browser.go(url, **window)
    await browser.until(
        "document.querySelectorAll('#method option').length && document.activeElement.id === 'question'"
    )
    await browser.write("Who built the Gull?")
    await browser.press(*ENTER)


def labels(selector: str) -> str:
    return f"[...document.querySelectorAll({selector!r})].map((one) => one.textContent)"


async def test_a_run_is_watched_and_its_sources_are_read(browser: Browser, staged: KnowledgeBase) -> None:
    async with listening(ui.app(staged)) as url:
        await asked(browser, url)
        await browser.until("document.querySelector('.plan .searching')")
        assert await browser.run(labels(".walk text:not(.relation)")) == ["Gull", "Ada"]
        assert await browser.run("document.querySelectorAll('.walk .pivot').length") == 1
        assert await browser.run("document.querySelectorAll('.walk .edge.path').length") == 1
        assert await browser.run(labels(".missing li")) == [f"who {NASTY} was"]
        assert await browser.run("document.querySelector('.state').textContent") == "#1"
        assert not await browser.run("document.querySelector('.answer').textContent")
        Staged.go_on.set()
        await browser.until("document.querySelector('.said')")
        assert await browser.run(labels(".said")) == ["Ada"]
        assert await browser.run("document.querySelectorAll('.walk .node').length") == 3  # it grew
        assert await browser.run(labels(".plan .result")) == ["Ada"]
        assert not await browser.run("document.querySelector('.run.busy')")

        await browser.run("document.querySelector('.sources button').focus()")
        await browser.press(*ENTER)
        await browser.until("document.querySelector('#reader[open] mark')")
        assert await browser.run(labels("#reader mark")) == [QUOTE]
        assert await browser.run("document.querySelector('#reader .passage').textContent") == TEXT
        assert await browser.run("document.getElementById('reader-title').textContent") == NASTY
        await browser.press(*ESCAPE)
        await browser.until("!document.querySelector('#reader[open]')")
        assert await browser.run("document.activeElement.closest('.sources') !== null")
        assert await browser.run("window.planted ?? 0") == 0
        assert await browser.run("document.scripts.length") == 2
        assert await browser.run("document.querySelectorAll('main img').length") == 0
        assert browser.complaints == []


async def test_two_methods_stand_side_by_side_or_below_each_other(
    browser: Browser, staged: KnowledgeBase, tmp_path: Path
) -> None:
    Staged.go_on.set()
    boxes = "[...document.querySelectorAll('.run')].map((run) => run.getBoundingClientRect().top)"
    async with listening(ui.app(staged)) as url:
        for number, (wide, dark) in enumerate(itertools.product((1280, 390), (False, True))):
            await browser.go(f"{url}?{number}", wide=wide, dark=dark)
            await browser.until("document.querySelectorAll('#method option').length")
            await browser.run("document.getElementById('beside').value = 'parallel'")
            await browser.write("Who built the Gull?")
            await browser.press(*ENTER)
            await browser.until("document.querySelectorAll('.said').length === 2")
            assert await browser.run(labels(".said.declined")) == [
                "No answer: missing hop (a link in the chain of facts is missing)."
            ]
            tops = await browser.run(boxes)
            assert (tops[0] == tops[1]) == (wide == 1280)
            assert await browser.run("document.documentElement.scrollWidth") <= wide
            seen = Image.open(io.BytesIO(await browser.picture(tmp_path / f"{wide}{dark}.png"))).convert("L")
            assert seen.width == wide
            assert (seen.getpixel((2, 400)) < 60) == dark  # the paper
        assert browser.complaints == []


async def test_stop_ends_the_work(browser: Browser, staged: KnowledgeBase) -> None:
    async with listening(ui.app(staged)) as url:
        await asked(browser, url)
        await browser.until("document.querySelector('.plan .searching')")
        await browser.run("document.querySelector('.stop').focus()")
        await browser.press(*ENTER)
        await browser.until("document.querySelector('.state').textContent === 'stopped'")
        async with asyncio.timeout(5):
            while not Staged.ended:
                await asyncio.sleep(0.01)


async def test_documents_and_the_graph_are_looked_around_in(browser: Browser, staged: KnowledgeBase) -> None:
    async with listening(ui.app(staged)) as url:
        await browser.go(f"{url}#documents")
        await browser.until("document.querySelectorAll('#list tr').length === 50")
        assert (await browser.run(labels("#list button")))[0] == NASTY
        await browser.run("document.getElementById('next').click()")
        await browser.until("document.querySelectorAll('#list tr').length === 12")
        assert await browser.run("document.getElementById('page').textContent") == "51–62 of 62"
        await browser.run("document.getElementById('like').focus()")
        await browser.write("leaf 7")
        await browser.until("document.querySelectorAll('#list tr').length === 1")
        await browser.press(*ENTER)
        await browser.until("document.querySelector('#passages li')")

        await browser.run("location.hash = '#graph/gull'")
        await browser.until("document.querySelectorAll('#neighbourhood .node').length === 6")
        assert await browser.run(labels("#neighbourhood .panel h2")) == ["Gull"]
        await browser.run("document.querySelector('#neighbourhood .node.entity').focus()")
        await browser.press(*ENTER)
        await browser.run("document.querySelector('.around').click()")
        await browser.until(f"document.getElementById('entity').value.startsWith({NASTY!r})")
        assert await browser.run("window.planted ?? 0") == 0
        assert browser.complaints == []


async def test_a_source_is_read_on_its_page(browser: Browser, paged: KnowledgeBase, tmp_path: Path) -> None:
    async def read(words: str) -> None:
        await browser.run("document.getElementById('like').value = ''")
        await browser.run("document.getElementById('passages').replaceChildren()")  # of the search before
        await browser.run("document.getElementById('like').focus()")
        await browser.write(words)
        await browser.press(*ENTER)
        await browser.until(f"document.querySelector('#passages')?.textContent.includes({words!r})")
        shown = "[...document.querySelectorAll('#passages li')]"
        found = f"{shown}.find((each) => each.textContent.includes({words!r}))"
        await browser.run(f"{found}.querySelector('button').focus()")
        await browser.press(*ENTER)
        await browser.until("document.querySelector('#reader[open] mark')")

    image = "document.querySelector('#reader .pictures img')"
    async with listening(ui.app(paged)) as url:
        await browser.go(f"{url}#documents")
        await browser.until("document.querySelectorAll('#list tr').length === 1")
        await read("dug out by hand")
        await browser.until(f"{image}?.naturalHeight === 1600")
        assert (await browser.run(f"{image}.alt")).startswith("Page 1: The harbour was dug out")
        assert await browser.run("document.getElementById('reader').scrollTop") == 0  # the page is seen first
        await browser.picture(tmp_path / "page.png")
        await browser.press(*ESCAPE)
        await read("Picture on page 2")
        await browser.until(f"{image}?.naturalHeight === 1600 && {image}.alt.startsWith('Page 2: ')")
        await browser.picture(tmp_path / "drawing.png")
        await browser.press(*ESCAPE)
        assert browser.complaints == []
        (tmp_path / "harbour.pdf").unlink()
        await read("dug out by hand")
        await browser.until("document.querySelector('#reader .pictures p')")
        told = await browser.run(labels("#reader .pictures p"))
        assert told == ["Page 1 cannot be shown: the file is not there as it was added (add it again)"]
        assert await browser.run("document.querySelectorAll('#reader img').length") == 0


async def test_the_token_is_asked_for_and_kept(browser: Browser, staged: KnowledgeBase) -> None:
    async with listening(ui.app(staged, token="open sesame")) as url:
        await browser.go(url)
        for given in ("wrong", "open sesame"):
            await browser.until("document.querySelector('#asked[open]')")
            await browser.run("document.getElementById('token').value = ''")
            await browser.write(given)
            await browser.press(*ENTER)
            await asyncio.sleep(0.2)
        await browser.until("document.querySelectorAll('#method option').length")
        await browser.go(f"{url}?again")
        await browser.until("document.querySelectorAll('#method option').length")


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast of two colours, `#rrggbb`."""

    def light(colour: str) -> float:
        parts = [int(colour.strip()[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
async def test_everything_has_a_name_and_can_be_read(
    browser: Browser, staged: KnowledgeBase, dark: bool
) -> None:
    async with listening(ui.app(staged)) as url:
        await browser.go(url, dark=dark)
        await browser.until("document.querySelectorAll('#method option').length")
        named = "(one) => one.labels?.length || one.textContent.trim() || one.ariaLabel"
        fields = "[...document.querySelectorAll('input, select, textarea, button')]"
        assert (
            await browser.run(f"{fields}.filter((one) => !({named})(one)).map((one) => one.outerHTML)") == []
        )
        colours = {
            name: await browser.run(
                f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')"
            )
            for name in ("back", "card", "fore", "soft", "accent", "warn", "mark")
        }
        for words in ("fore", "soft", "accent", "warn"):
            for paper in ("back", "card"):
                assert contrast(colours[words], colours[paper]) >= 4.5, (words, paper)
        assert contrast(colours["fore"], colours["mark"]) >= 4.5
        await browser.run("document.querySelector('.top a').focus()")
        order = []
        for _ in range(5):
            await browser.press(*TAB)
            order.append(await browser.run("document.activeElement.id || document.activeElement.textContent"))
        assert order == ["Documents", "Graph", "question", "Ask", "method"]
