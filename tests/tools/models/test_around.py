"""The client around chat models of any kind, and what it leaves behind of each call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage

from kedge.errors import ModelError, ModelUnavailable
from kedge.testing import Reply, StubServer
from kedge.tools.models import Meter, ModelClient, Retries, Spending, TraceFile, connect, verify_trace


async def test_every_call_is_written_down(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with StubServer([Reply.error(500, "oops"), "ok"]) as server:
        model = connect(server.url, "tiny", api_key="topsecret", trace=TraceFile(path))
        model = model.model_copy(update={"retries": Retries(first=0.001)})
        await Meter().play("read", model.ainvoke, [("system", "Be brief."), ("human", "Where?")])
    failed, fine = map(json.loads, path.read_text().splitlines())
    assert "oops" in failed["fault"]
    assert (fine["role"], fine["model"], fine["endpoint"]) == ("read", "tiny", server.url)
    assert fine["request"]["messages"][1] == {"type": "human", "content": "Where?"}
    assert fine["reply"]["generations"][0]["message"]["content"] == "ok"
    assert fine["used"]["prompt_tokens"] > 0
    assert verify_trace(path).fault is None
    assert "topsecret" not in path.read_text()


async def test_any_chat_model_can_be_inside() -> None:
    meter = Meter()
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    inner = GenericFakeChatModel(messages=iter([AIMessage("aye", usage_metadata=usage), AIMessage("no")]))
    model = ModelClient.around(inner)
    assert ModelClient.around(model) is model
    assert (await meter.play("read", model.ainvoke, "?")).text == "aye"
    assert "".join([chunk.text async for chunk in model.astream("?")]) == "no"
    assert meter.ledger().total == Spending(
        decisions=1,
        calls=1,
        prompt_tokens=5,
        completion_tokens=2,
        seconds=meter.ledger().total.seconds,
        model_seconds=meter.ledger().total.model_seconds,
    )


async def test_a_model_that_cannot_stream_says_all_at_once() -> None:
    model = ModelClient.around(FakeListChatModel(responses=["aye"]))
    assert "".join([chunk.text async for chunk in model.astream("?")]) == "aye"


async def test_faults_of_others_are_translated() -> None:
    from langchain_openai import ChatOpenAI

    with StubServer([Reply.error(401, "who?"), Reply.error(429)]) as server:
        inner = ChatOpenAI(base_url=server.url, model="gpt", api_key="k", max_retries=0)
        with pytest.raises(ModelError, match=r"gpt at http.*who\?.*KEDGE_API_KEY"):
            await ModelClient(models=[inner]).ainvoke("?")
        with pytest.raises(ModelUnavailable):
            await ModelClient.around(inner).ainvoke("?")
