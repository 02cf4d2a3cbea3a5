"""The page's server: what it gives, what it refuses, and that work ends with the stream that shows it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from kedge import Event, KnowledgeBase
from kedge._doors import web, web_data
from kedge.errors import InputError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeGraph, ParsedDocument, TripleDraft
from kedge.tools.knowledge_base.rows import TripleRow

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from kedge import ui
from kedge._doors.listening import listener

NASTY = "<script>alert('x')</script>"
QUESTION = "In which year did Averrin receive its charter?"
UPWARDS = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "/etc/passwd",
    "\x00",
    "a" * 3_000,
    "C:\\x",
]


def client(served: Any, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(served)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8810", headers=headers)


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """Documents that try to be markup, and names that do."""
    texts = [
        (f"{NASTY} title {n}", f"Notice {n}. {NASTY} and \u202eso on\x1b[31m. The end of it.")
        for n in range(7)
    ]
    with KnowledgeBase.open(tmp_path / "planted", create=True, encoder=FakeEncoder()) as base:
        documents = [
            ParsedDocument(f"{n}.txt", f"{n}.txt", title, text, "text", ())
            for n, (title, text) in enumerate(texts)
        ]
        base.add(*documents, triples=False, pictures=False)
        asyncio.run(base.aadd_triples([TripleDraft(NASTY, "wrote", "Notes")], source="facts"))
        yield base


def told(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events as kind and data."""
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in blocks]


async def test_the_page_loads_nothing_from_elsewhere_and_runs_only_its_own_script(
    world: KnowledgeBase,
) -> None:
    async with client(ui.app(world)) as browser:
        for path in web.FILES:
            given = await browser.get(path)
            assert given.status_code == 200
            assert given.headers["x-content-type-options"] == "nosniff"
            policy = given.headers["content-security-policy"]
            assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
            assert "unsafe" not in policy
            assert "http://" not in given.text.replace("http://www.w3.org", "")
            assert "https://" not in given.text
            for sink in (
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
                " style=",
                "onclick=",
            ):
                assert sink not in given.text
        about = (await browser.get("/api/about")).json()
        assert about["bases"][0]["documents"] == 76
        assert about["methods"][0]["name"] == "metakgrag"
        assert "closed_book" not in {method["name"] for method in about["methods"]}  # there is no model


async def test_a_question_is_told_event_by_event_with_the_answer_last(world: KnowledgeBase) -> None:
    async with client(ui.app(world)) as browser:
        given = await browser.post("/api/base/ask", json={"question": QUESTION, "rounds": 1}, timeout=60)
        assert given.headers["content-type"].startswith("text/event-stream")
        items = told(given.text)
        assert items[0][1]["kind"] == "started"
        assert {"linked", "perceived", "evaluated"} <= {
            data["kind"] for _, data in items[:-1] if "kind" in data
        }
        kind, answer = items[-1]
        assert (kind, answer["text"]) == ("answer", "1388")
        [source] = [source for source in answer["sources"] if "1388" in source["quote"]]
        assert "characters" in source["place"]
        read = await browser.get(
            f"/api/base/documents/{source['document_id']}",
            params={"start": source["start"], "end": source["end"], "offset": 0},
        )
        assert read.json()["parts"][1] == source["quote"]


class Endless(KnowledgeBase):
    """Answers nothing, and knows whether it was told to stop."""

    begun = 0
    ended = 0

    async def astream(self, question: str, **options: Any) -> AsyncIterator[Any]:  # type: ignore[override]
        type(self).begun += 1
        try:
            yield Event(kind="started", message=question)
            if question == "fail":
                raise InputError("it cannot be asked", fix="ask something else")
            if question == "break":
                raise ZeroDivisionError("a secret")
            while True:
                await asyncio.sleep(0.01)
                yield Event(kind="searched", message="more")
        finally:
            type(self).ended += 1


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[KnowledgeBase]:
    Endless.begun = Endless.ended = 0
    with Endless.open(tmp_path / "endless", create=True, encoder=FakeEncoder()) as base:
        yield base


@asynccontextmanager
async def listening(served: Any) -> AsyncIterator[str]:
    """The URL of a real server."""
    server = listener(served, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def test_closing_the_stream_cancels_the_work(endless: KnowledgeBase) -> None:
    async with listening(ui.app(endless)) as url, httpx.AsyncClient(trust_env=False) as browser:
        async with browser.stream("POST", f"{url}/api/base/ask", json={"question": "what?"}) as reply:
            async for line in reply.aiter_lines():
                if "more" in line:
                    break
            assert (Endless.begun, Endless.ended) == (1, 0)
        async with asyncio.timeout(5):
            while not Endless.ended:
                await asyncio.sleep(0.01)


async def test_a_reader_that_stands_still_holds_the_work_and_only_so_many_are_worked_on(
    endless: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "AT_ONCE", 2)
    async with listening(ui.app(endless)) as url, httpx.AsyncClient(trust_env=False) as browser:
        body = {"question": "what?"}
        async with (
            browser.stream("POST", f"{url}/api/base/ask", json=body),
            browser.stream("POST", f"{url}/api/base/ask", json=body),
        ):
            busy = await browser.post(f"{url}/api/base/ask", json=body)
            assert busy.status_code == 503
            assert "try again" in busy.json()["error"]
        async with asyncio.timeout(5):
            while Endless.ended < 2:
                await asyncio.sleep(0.01)
        async with browser.stream("POST", f"{url}/api/base/ask", json=body) as again:
            assert again.status_code == 200


@pytest.mark.parametrize(
    ("question", "why"),
    [("fail", "it cannot be asked (ask something else)"), ("break", "unexpected ZeroDivisionError: ")],
)
async def test_what_goes_wrong_is_told_in_the_stream(endless: KnowledgeBase, question: str, why: str) -> None:
    async with client(ui.app(endless)) as browser:
        given = await browser.post("/api/base/ask", json={"question": question})
        kind, data = told(given.text)[-1]
        assert kind == "failed"
        assert data["error"].startswith(why)
        assert "secret" not in given.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": ""}, 400),
        ({"question": "x" * 4_001}, 400),
        ({"question": "a?", "colour": "red"}, 400),
        ({"question": "a?", "rounds": 99}, 400),
        ({"question": "a?", "seconds": -1}, 400),
        ({"question": "a?", "image": "ä"}, 400),
        (["a?"], 400),
        ("[" * 100_000, 400),
        (None, 400),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    endless: KnowledgeBase, body: Any, status: int
) -> None:
    async with client(ui.app(endless)) as browser:
        content = body if isinstance(body, str) else json.dumps(body)
        headers = {"content-type": "application/json"}
        given = await browser.post("/api/base/ask", content=content, headers=headers)
        assert given.status_code == status
        assert given.json()["error"]
        assert Endless.begun == 0


async def test_pages_elsewhere_can_neither_ask_nor_look(endless: KnowledgeBase) -> None:
    async with client(ui.app(endless)) as browser:
        body = json.dumps({"question": "a?"})
        plain = await browser.post("/api/base/ask", content=body, headers={"content-type": "text/plain"})
        assert plain.status_code == 415
        elsewhere = {"origin": "https://evil.example", "content-type": "application/json"}
        assert (await browser.post("/api/base/ask", content=body, headers=elsewhere)).status_code == 403
        assert (await browser.get("/", headers={"host": "evil.example"})).status_code == 421
        assert (await browser.post("/api/base/ask", content=b"x" * (ui.LARGEST + 1))).status_code == 413
        assert (await browser.get("/api/about")).headers["cross-origin-resource-policy"] == "same-origin"
        assert Endless.begun == 0


async def test_the_page_comes_without_the_token_and_nothing_else_does(planted: KnowledgeBase) -> None:
    async with client(ui.app(planted, token="open sesame")) as browser:
        assert [(await browser.get(path)).status_code for path in web.FILES] == [200] * len(web.FILES)
        for path in (
            "/api/about",
            "/api/base/documents",
            "/api/base/graph",
            "/ui.js/../api/about",
            "//api/about",
        ):
            assert (await browser.get(path)).status_code == 401
        bearer = {"authorization": "Bearer open sesame"}
        assert (await browser.get("/api/about", headers=bearer)).status_code == 200


async def test_documents_are_given_a_page_at_a_time(planted: KnowledgeBase) -> None:
    async with client(ui.app(planted)) as browser:

        async def listed(**given: Any) -> tuple[list[str], int]:
            page = (await browser.get("/api/base/documents", params=given)).json()
            return [row["source"] for row in page["documents"]], page["count"]

        assert await listed(limit=3) == (["0.txt", "1.txt", "2.txt"], 8)
        assert await listed(limit=3, offset=6) == (["6.txt", "facts"], 8)
        assert await listed(limit=3, offset=99) == ([], 8)
        assert await listed(like="TITLE 4") == (["4.txt"], 1)
        assert await listed(like="%") == ([], 0)  # letters, not a pattern
        for wrong in ({"limit": 0}, {"limit": 10**6}, {"offset": -1}, {"page": 1}):
            assert (await browser.get("/api/base/documents", params=wrong)).status_code == 400


async def test_what_documents_say_stays_data(planted: KnowledgeBase) -> None:
    async with client(ui.app(planted)) as browser:
        rows = (await browser.get("/api/base/documents")).json()["documents"]
        assert rows[0]["title"] == f"{NASTY} title 0"
        given = await browser.get(f"/api/base/documents/{rows[0]['id']}", params={"start": 10, "end": 37})
        assert given.headers["content-type"] == "application/json"
        before, marked, after = given.json()["parts"]
        assert (before, marked) == ("Notice 0. ", NASTY)
        assert after == " and so on. The end of it."  # neither reordered nor coloured
        graph = (await browser.get("/api/base/graph", params={"entity": NASTY})).json()
        assert {node["label"] for node in graph["nodes"]} == {NASTY, "Notes"}
        assert [edge["label"] for edge in graph["edges"]] == ["wrote"]


@pytest.mark.parametrize("name", UPWARDS)
async def test_no_name_leads_out_of_the_knowledge_base(planted: KnowledgeBase, name: str) -> None:
    (planted.path / "secret.txt").write_text("secret")
    async with client(ui.app({"one": planted})) as browser:
        quoted = (
            httpx.URL("http://x/", params={"x": name}).query.decode().removeprefix("x=").replace("+", "%20")
        )
        for path in (
            f"/api/{quoted}/documents",
            f"/api/one/documents/{quoted}",
            f"/api/one/documents/{quoted}/image",
            f"/api/one/pictures/{quoted}",
            f"/api/one/pages/{quoted}",
            f"/api/one/graph?entity={quoted}",
            f"/{quoted}",
        ):
            given = await browser.get(path)
            assert given.status_code in (400, 404), path
            assert "secret" not in given.text
            assert str(planted.path) not in given.text


async def test_several_knowledge_bases_are_kept_apart(planted: KnowledgeBase, endless: KnowledgeBase) -> None:
    async with client(ui.app({"one": planted, "two": endless})) as browser:
        assert [base["name"] for base in (await browser.get("/api/about")).json()["bases"]] == ["one", "two"]
        [first, *_] = (await browser.get("/api/one/documents")).json()["documents"]
        assert (await browser.get(f"/api/two/documents/{first['id']}")).status_code == 400
        assert (await browser.get("/api/three/documents")).status_code == 404
        assert (
            (await browser.get("/api/two/graph"))
            .json()["error"]
            .startswith("the knowledge base has no graph")
        )
    with pytest.raises(InputError, match="cannot be called"):
        ui.app({"../up": planted})
    with pytest.raises(InputError, match="KEDGE_TOKEN"):
        ui.app(planted, host="192.0.2.1")


async def test_pictures_are_shown_and_asked_about(world: KnowledgeBase) -> None:
    async with client(ui.app(world)) as browser:
        images = [item.id for item in world.documents() if item.kind == "image"]
        given = await browser.get(f"/api/base/documents/{images[0]}/image")
        assert given.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(given.content)).width <= 1600
        shown = world.pictures()[0].chunk_id
        assert (await browser.get(f"/api/base/pictures/{shown}")).content.startswith(b"\x89PNG")
        assert (await browser.get("/api/base/pictures/999999")).status_code == 404
        body = {
            "question": "What is in this picture?",
            "image": base64.b64encode(given.content).decode(),
            "rounds": 0,
        }
        items = told((await browser.post("/api/base/ask", json=body, timeout=90)).text)
        assert items[-1][1]["method"] == "multimodal"
        assert any(source["picture"] for source in items[-1][1]["sources"])
        assert str(world.path) not in json.dumps(items[-1][1]["sources"])
        broken = {"question": "What is this?", "image": base64.b64encode(b"no image").decode()}
        assert told((await browser.post("/api/base/ask", json=broken)).text)[-1][0] == "failed"


async def test_a_page_is_seen_with_what_is_quoted_while_its_file_is_what_it_was(
    paged: KnowledgeBase, tmp_path: Path
) -> None:
    chunks = paged.chunks_of(paged.documents()[0].id)
    words = next(chunk for chunk in chunks if "3 m deep" in chunk.text)
    drawing = next(chunk for chunk in chunks if chunk.kind == "image")

    def share(png: bytes, colour: str) -> float:
        image = Image.open(io.BytesIO(png))
        wanted = tuple(bytes.fromhex(colour.removeprefix("#")))
        return sum(n for n, seen in image.getcolors(10**7) if seen == wanted) / (image.width * image.height)

    async with client(ui.app(paged)) as browser:
        at = words.start + words.text.index("It is")
        quoted = {"start": at, "end": at + len("It is 3 m deep.")}
        seen = await browser.get(f"/api/base/pages/{words.id}", params=quoted)
        assert seen.headers["content-type"] == "image/png"
        assert 0.001 < share(seen.content, web_data.MARK) < 0.02
        whole = await browser.get(f"/api/base/pages/{words.id}")
        assert share(whole.content, web_data.MARK) == 0
        framed = await browser.get(f"/api/base/pages/{drawing.id}", params=quoted)
        assert 0.003 < share(framed.content, web_data.FRAME) < 0.02
        assert share(framed.content, web_data.MARK) == 0
        assert (await browser.get("/api/base/pages/999999")).status_code == 404
        (tmp_path / "harbour.pdf").write_bytes(b"%PDF-1.4 another")
        gone = await browser.get(f"/api/base/pages/{words.id}")
        assert gone.status_code == 400
        assert gone.json()["error"] == "the file is not there as it was added (add it again)"
        assert (await browser.get(f"/api/base/pictures/{drawing.id}")).status_code == 200  # it is kept


async def test_a_neighbourhood_of_a_large_graph_is_small_and_quick(tmp_path: Path) -> None:
    """100,000 entities, one of them with 5,000 relations."""
    pairs = [(f"entity {n}", "next to", f"entity {(n * 7 + 1) % 100_000}") for n in range(100_000)]
    pairs += [("hub", "knows", f"entity {n}") for n in range(0, 100_000, 20)]
    large = KnowledgeGraph()
    large.add(TripleRow(n, "d", None, *words, words[0], words[2], 1.0) for n, words in enumerate(pairs, 1))

    class Large(KnowledgeBase):
        graph = large  # to store it would take minutes

    with Large.open(tmp_path / "large", create=True, encoder=FakeEncoder()) as base:
        async with client(ui.app(base)) as browser:
            first = await browser.get("/api/base/graph", timeout=60)  # compiles the graph, once
            assert first.json()["title"] == "hub"
            assert "more of hub are not drawn" in first.json()["note"]
            begin = time.process_time()
            for entity in ("hub", "entity 777", "entity 99999"):
                for hops in (1, 2):
                    given = await browser.get("/api/base/graph", params={"entity": entity, "hops": hops})
                    graph = given.json()
                    assert entity in {node["label"] for node in graph["nodes"]}
                    assert 2 <= len(graph["nodes"]) <= 80
                    assert len(given.content) < 60_000
            assert time.process_time() - begin < 1.0  # six of them
            names = (await browser.get("/api/base/names", params={"like": "ENTITY 777"})).json()["names"]
            assert names[0] == "entity 777"
            assert len(names) <= 12
