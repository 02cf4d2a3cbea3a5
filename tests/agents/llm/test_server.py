"""The cast over HTTP: against the stub server, and against a real vLLM with a tiny model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kedge import KnowledgeBase
from kedge.agents.llm import LlmCast
from kedge.agents.llm.prompting import prompt
from kedge.agents.llm.replies import Choice
from kedge.errors import ModelError
from kedge.testing import FakeEncoder, Reply, StubRequest, StubServer
from kedge.tools.knowledge_base import Block, Chunk, ParsedDocument
from kedge.tools.models import Budget, Endpoint, ModelClient, Retries, connect
from kedge.tools.models.vllm_server import VllmServer
from tests.agents.llm._models import reply

TEXT = "The pier of Saltmarsh was built in 1771 by Ada Moss."
QUESTION = "Who built the pier of Saltmarsh?"


def chunk(text: str) -> Chunk:
    return Chunk(1, "d", "s", "", "", text, 0, len(text))


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    document = ParsedDocument("pier", "pier", "Pier", TEXT, "text", (Block("paragraph", 0, len(TEXT)),))
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([document])
        yield base


def knowing(request: StubRequest) -> str:
    """Replies to every prompt, told apart by the name of the schema."""
    name = request.body.get("response_format", {}).get("json_schema", {}).get("name", "")
    found = [{"passage": 1, "text": TEXT}]
    replies = {
        "concepts-1": reply(concepts=[{"text": "Saltmarsh", "kind": "name"}]),
        "judge-1": reply(missing=[], sufficient=True),
        "read-1": reply(quotations=found, status="answered", answer="Ada Moss", confidence="high"),
    }
    return replies.get(name, "{}")


async def test_a_question_is_answered_by_the_model_and_billed_by_role(base: KnowledgeBase) -> None:
    with StubServer(knowing) as server:
        answer = await base.aask(QUESTION, model=connect(server.url, "stub"))
    assert answer.text == "Ada Moss"
    assert answer.citations[0].quote == TEXT
    assert {name: spent.calls for name, spent in answer.ledger.roles.items() if spent.calls} == {
        "concepts": 1,
        "judge": 1,
        "read": 1,
    }
    assert answer.ledger.total.prompt_tokens > 0


async def test_the_extractive_cast_can_be_kept(base: KnowledgeBase) -> None:
    with StubServer(knowing) as server:
        answer = await base.aask(QUESTION, model=connect(server.url, "stub"), cast="extractive")
        assert server.served == 0
    assert answer.ledger.total.calls == 0


async def test_a_budget_of_calls_is_kept(base: KnowledgeBase) -> None:
    with StubServer(knowing) as server:
        answer = await base.aask(QUESTION, model=connect(server.url, "stub"), budget=Budget(calls=1))
        assert server.served == 1
    assert answer.abstention is not None
    assert answer.abstention.reason == "budget"


@pytest.mark.parametrize(
    ("status", "message", "left"),
    [
        (400, "response_format json_schema is not supported", {"chat_template_kwargs"}),
        (400, "unknown field chat_template_kwargs", {"response_format"}),
        (422, "extra inputs are not permitted", {"response_format"}),
    ],
)
async def test_what_a_server_refuses_is_left_out(status: int, message: str, left: set[str]) -> None:
    def picky(request: StubRequest) -> str | Reply:
        wanted = {"response_format", "chat_template_kwargs"} & request.body.keys()
        return Reply.error(status, message) if not wanted <= left else reply(rewrite="x", questions=[])

    with StubServer(picky) as server:
        made = await LlmCast(connect(server.url, "stub")).augment(chunk(TEXT))
        assert server.served == 2
    assert made.rewrite == "x"


async def test_context_overflow_trims_the_evidence_and_says_so(base: KnowledgeBase) -> None:
    def small(request: StubRequest) -> str | Reply:
        if len(request.prompt) > 3_000:
            return Reply.error(400, "This model's maximum context length is 700 tokens.")
        return reply(rewrite="short", questions=[])

    long = chunk(TEXT + " It is long." * 400)
    with StubServer(small) as server:
        made = await LlmCast(connect(server.url, "stub")).augment(long)
    assert made.rewrite == "short"


async def test_thoughts_are_counted_and_no_part_of_the_reply(base: KnowledgeBase) -> None:
    def thinking(request: StubRequest) -> str:
        return f"<think>{'Let me see. ' * 20}</think>{knowing(request)}"

    with StubServer(thinking) as server:
        answer = await base.aask(QUESTION, model=connect(server.url, "stub"))
    assert answer.text == "Ada Moss"
    spent = answer.ledger.total
    assert 0 < spent.reasoning_tokens < spent.completion_tokens


async def test_a_server_that_is_not_there_is_an_error_and_no_abstention(base: KnowledgeBase) -> None:
    endpoint = Endpoint(base_url="http://127.0.0.1:9/v1", model="stub")
    model = ModelClient(models=[endpoint], retries=Retries(attempts=0))
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9"):
        await base.aask(QUESTION, model=model)


async def test_grades_come_from_probabilities_over_http() -> None:
    chances = [{"yes": -0.1, "no": -2.4}, {"(": 0.0}, {"3": -0.7, "2": -0.7}, {")": 0.0}]
    with StubServer(Reply("yes(3)", logprobs=chances)) as server:
        [grade] = await LlmCast(connect(server.url, "stub")).grade(QUESTION, [chunk(TEXT)])
    assert grade == pytest.approx(2.5 / 4)


async def test_a_real_vllm_keeps_to_the_form(vllm_server: VllmServer, base: KnowledgeBase) -> None:
    """Random weights say nothing sensible, but structured outputs hold, and grades come with their odds."""
    player = LlmCast(connect(vllm_server.url, vllm_server.name, temperature=0))
    role = prompt("disambiguate")
    chosen = await player._asker.ask(role, Choice, role.messages(question="", others="x", name="y"))
    assert chosen.choice in ("none", "1", "2", "3", "4", "5")
    chunks = [chunk(TEXT), chunk("A mill.")]
    grades = await player.grade(QUESTION, chunks)
    again = await player.grade(QUESTION, chunks)
    assert all(0 < grade < 1 for grade in grades)
    assert grades == again


async def test_kedge_asks_a_real_vllm(vllm_server: VllmServer, base: KnowledgeBase) -> None:
    """Whatever a model with random weights says: an answer or an abstention, never a crash."""
    model = connect(vllm_server.url, vllm_server.name, temperature=0)
    answer = await base.aask(QUESTION, model=model, method="retrieve_read", budget=Budget(seconds=90))
    assert (answer.text is None) == (answer.abstention is not None)
    assert answer.ledger.total.calls >= 1
    json.loads(answer.model_dump_json())
