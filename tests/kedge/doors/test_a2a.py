"""The agents as the SDK's own client meets them, and what the coordinator survives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("a2a")

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import get_data_parts, get_message_text, new_text_message
from a2a.types import CancelTaskRequest, GetTaskRequest, Role, SendMessageRequest, Task, TaskState
from a2a.utils.errors import A2AError

from kedge import KnowledgeBase
from kedge._doors import a2a_agents
from kedge._doors.a2a_agents import Agent, Envelope, Outcome, worker
from kedge._doors.a2a_client import A2APost
from kedge._doors.a2a_server import site
from kedge._doors.actions import Desk
from kedge._doors.listening import listener
from kedge._doors.schemas import Reply
from kedge.a2a import app
from kedge.errors import InputError, KedgeError

CHARTER = "In which year did Averrin receive its charter?"
FIRST = "Which was launched first, the Wandering Abbot or the Lady Aldous?"
TOKEN = "open sesame"


@asynccontextmanager
async def listening(make: Any) -> AsyncIterator[str]:
    """The application that `make(port)` gives, over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = listener(make(port), "127.0.0.1", port)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        await task


@asynccontextmanager
async def client_of(url: str, agent: str, token: str | None = None) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as http:
        factory = ClientFactory(ClientConfig(httpx_client=http))
        yield await factory.create_from_url(f"{url}/agents/{agent}")


def letter(text: str, *, message_id: str | None = None, **metadata: Any) -> SendMessageRequest:
    message = new_text_message(text, role=Role.ROLE_USER)
    message.message_id = message_id or message.message_id
    request = SendMessageRequest(message=message)
    request.metadata.update(metadata)
    return request


async def answered(client: Client, request: SendMessageRequest) -> tuple[Task, list[str]]:
    """The task when it is over, and what was told on the way."""
    task, told = "", []
    async for event in client.send_message(request):
        kind = event.WhichOneof("payload")
        if kind == "task":
            task = event.task.id
        elif kind == "status_update":
            told.append(get_message_text(event.status_update.status.message))
    return await client.get_task(GetTaskRequest(id=task)), told


def artifacts(task: Task) -> dict[str, Any]:
    return {artifact.name: artifact for artifact in task.artifacts}


def reply_in(task: Task) -> Reply:
    return Reply.model_validate(get_data_parts(artifacts(task)["answer"].parts)[0])


@pytest.mark.parametrize(
    ("agent", "question", "expected"),
    [
        ("graph", CHARTER, "1388"),
        ("text", "Which was launched first, the Wandering Abbot or the Lady Aldous?", "Wandering Abbot"),
        ("image", "What are the pixels of the image catches?", "560"),
        ("coordinator", CHARTER, "1388"),
        ("coordinator", FIRST, "Wandering Abbot"),
    ],
)
async def test_every_agent_answers_with_artifacts_and_tells_what_it_does(
    world: KnowledgeBase, agent: str, question: str, expected: str
) -> None:
    async with listening(lambda port: app(world, port=port)) as url, client_of(url, agent) as client:
        task, told = await answered(client, letter(question))
        assert task.status.state == TaskState.TASK_STATE_COMPLETED, told
        assert expected in (reply_in(task).text or "")
        assert reply_in(task).sources
        given = artifacts(task)
        assert {"answer", "evidence", "trace"} <= set(given)
        assert ("image" in given) == (agent == "image")
        if agent == "image":
            assert given["image"].parts[0].raw.startswith(b"\x89PNG")
        assert len(get_data_parts(given["trace"].parts)[0]["events"]) >= 1
        assert len(told) > 2


async def test_cards_say_who_is_there(world: KnowledgeBase) -> None:
    async with listening(lambda port: app(world, port=port, token=TOKEN)) as url:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
            first = await A2ACardResolver(http, url).get_agent_card()
            assert first.name == "Kedge coordinator"
            for agent in ("coordinator", "graph", "text", "image"):
                card = await A2ACardResolver(http, f"{url}/agents/{agent}").get_agent_card()
                assert card.capabilities.streaming
                assert card.supported_interfaces[0].url == f"{url}/agents/{agent}/"
                assert card.security_schemes["token"].http_auth_security_scheme.scheme == "bearer"
            assert (await http.get(f"{url}/agents/nobody/.well-known/agent-card.json")).status_code == 404
        async with httpx.AsyncClient(trust_env=False) as stranger:
            assert (await stranger.get(f"{url}/.well-known/agent-card.json")).status_code == 401
        async with client_of(url, "coordinator", TOKEN) as client:
            task, _ = await answered(client, letter(CHARTER))
            assert reply_in(task).text == "1388"  # the coordinator brings the token to the others


def test_agents_elsewhere_than_on_this_machine_need_a_token(world: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="everybody who can reach"):
        app(world, host="0.0.0.0")  # noqa: S104


@pytest.mark.parametrize(
    ("text", "metadata", "why"),
    [
        (" ", {}, "the question is empty"),
        ("x" * 5_000, {}, "5,000 characters"),
        ("Who?", {"seconds": -1}, "seconds"),
        ("Who?", {"depth": 99}, "depth"),
        ("Who?", {"command": "rm -rf"}, "command"),
    ],
)
async def test_malformed_messages_are_rejected(
    world: KnowledgeBase, text: str, metadata: dict[str, Any], why: str
) -> None:
    async with listening(lambda port: app(world, port=port)) as url, client_of(url, "text") as client:
        task, told = await answered(client, letter(text, **metadata))
        assert task.status.state == TaskState.TASK_STATE_REJECTED
        assert why in told[-1]


async def test_what_is_no_message_is_refused(world: KnowledgeBase) -> None:
    async with listening(lambda port: app(world, port=port)) as url:
        async with httpx.AsyncClient(trust_env=False, headers={"A2A-Version": "1.0"}) as http:
            for body in (b"", b"{", b"[]", b'{"jsonrpc": "2.0", "id": 1, "method": "SendMessage"}'):
                response = await http.post(f"{url}/agents/text/", content=body)
                assert "error" in response.json()
        async with client_of(url, "text") as client:
            with pytest.raises(A2AError):
                await client.get_task(GetTaskRequest(id="nobody's"))


# --- what the coordinator survives --------------------------------------------------------------------------


class Bench:
    """Agents that do what a test says, and count their work."""

    def __init__(self, world: KnowledgeBase) -> None:
        self.world = world
        self.works: list[str] = []
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()
        self.late = 0.0
        self.text = "1388"

    async def __call__(self, question: str, given: Envelope) -> AsyncGenerator[str | Outcome]:
        self.works.append(question)
        self.begun.set()
        yield "thinking"
        try:
            await asyncio.sleep(self.late)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        empty: dict[str, Any] = {"reason": None, "missing": [], "sources": [], "path": [], "warnings": []}
        reply = Reply(
            answered=True, text=self.text, confidence=1.0, method="bench", seconds=0.0, calls=0, **empty
        )
        yield Outcome(reply)


@pytest.fixture
def bench(world: KnowledgeBase) -> Bench:
    return Bench(world)


async def test_a_message_that_comes_twice_is_worked_on_once(bench: Bench) -> None:
    bench.late = 0.2
    agents: dict[str, Agent] = {"text": bench}
    async with (
        listening(lambda port: site(agents, f"http://127.0.0.1:{port}", guarded=False)) as url,
        client_of(url, "text") as client,
    ):
        twice = [letter("Who?", message_id="same"), letter("Who?", message_id="same")]
        done = await asyncio.gather(*(answered(client, one) for one in twice))
        again = await answered(client, letter("Who?", message_id="same"))
        assert {reply_in(task).text for task, _ in (*done, again)} == {"1388"}
        assert bench.works == ["Who?"]


async def test_a_task_can_be_cancelled(bench: Bench) -> None:
    bench.late = 60
    agents: dict[str, Agent] = {"text": bench}
    async with (
        listening(lambda port: site(agents, f"http://127.0.0.1:{port}", guarded=False)) as url,
        client_of(url, "text") as client,
    ):
        events = client.send_message(letter("Who?"))
        task = (await anext(events)).task.id
        await bench.begun.wait()
        over = await client.cancel_task(CancelTaskRequest(id=task))
        assert over.status.state == TaskState.TASK_STATE_CANCELED
        async with asyncio.timeout(5):
            await bench.cancelled.wait()


async def test_a_late_reply_is_asked_for_once_more_and_then_given_up(bench: Bench) -> None:
    bench.late = 0.5
    agents: dict[str, Agent] = {"text": bench}
    async with listening(lambda port: site(agents, f"http://127.0.0.1:{port}", guarded=False)) as url:
        post = A2APost({"text": f"{url}/agents/text"}, patience=0.1)
        with pytest.raises(KedgeError, match="no reply within"):
            await post("text", "Who?", Envelope(seconds=0.1))
        async with asyncio.timeout(5):
            await bench.cancelled.wait()
        bench.late = 0.0
        assert (await post("text", "Who?", Envelope())).text == "1388"
        await post.aclose()


async def strange(body: bytes, status: int = 200) -> Any:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


@pytest.mark.parametrize("body", [b"", b"not json", b"{}", b'{"name": "x"}', b"[1, 2]"])
async def test_an_agent_that_talks_nonsense_is_a_failure_in_words(body: bytes) -> None:
    made = await strange(body)
    async with listening(lambda _: made) as url:
        post = A2APost({"text": url}, patience=1)
        with pytest.raises(KedgeError, match="text"):
            await post("text", "Who?", Envelope(seconds=1))
        await post.aclose()


async def test_the_coordinator_goes_on_where_an_agent_is_gone(world: KnowledgeBase) -> None:
    gone = {"graph": "http://127.0.0.1:9/agents/graph"}
    async with (
        listening(lambda port: app(world, port=port, agents=gone)) as url,
        client_of(url, "coordinator") as client,
    ):
        for question, expected in ((FIRST, "Wandering Abbot"), (CHARTER, None)):
            task, _ = await answered(client, letter(question))
            assert task.status.state == TaskState.TASK_STATE_COMPLETED
            assert any("graph" in warning for warning in reply_in(task).warnings)
            assert expected is None or reply_in(task).text == expected


async def test_the_coordinator_says_so_where_nobody_replies(world: KnowledgeBase) -> None:
    gone = dict.fromkeys(("graph", "text", "image"), "http://127.0.0.1:9")
    async with (
        listening(lambda port: app(world, port=port, agents=gone)) as url,
        client_of(url, "coordinator") as client,
    ):
        task, told = await answered(client, letter(CHARTER))
        assert task.status.state == TaskState.TASK_STATE_FAILED
        assert "no agent replied" in told[-1]


async def test_agents_that_hand_a_question_round_come_to_an_end(world: KnowledgeBase) -> None:
    """Each coordinator's graph agent is a coordinator again."""
    handed: list[int] = []

    async def post(agent: str, question: str, given: Envelope) -> Reply:
        handed.append(given.depth)
        coordinator = worker(a2a_agents.COORDINATOR, Desk(world), post)
        outcomes = [item async for item in coordinator(question, given) if isinstance(item, Outcome)]
        return outcomes[0].reply

    with pytest.raises(KedgeError, match="no agent replied"):
        [item async for item in worker(a2a_agents.COORDINATOR, Desk(world), post)(CHARTER, Envelope())]
    assert max(handed) == a2a_agents.DEEPEST
