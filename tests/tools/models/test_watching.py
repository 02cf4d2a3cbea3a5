"""Whoever watches calls through LangChain sees all of them, and nobody else pays for it."""

from __future__ import annotations

from typing import Any

from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.outputs import LLMResult

from kedge.testing import Reply, StubServer
from kedge.tools.models import connect


class Listener(AsyncCallbackHandler):
    """Hears which runs began and what they said."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append(kwargs["name"] or "")

    async def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.heard.append(response.generations[0][0].text)


async def test_callbacks_hear_every_call_and_change_nothing() -> None:
    listener, logprobs = Listener(), [{"yes": -0.1}]
    with StubServer(Reply("a fair wind", logprobs=logprobs)) as server:
        model = connect(server.url, "tiny")
        alone = await model.ainvoke("?", logprobs=True)
        assert not listener.heard
        heard = await model.ainvoke("?", {"callbacks": [listener], "run_name": "ask"}, logprobs=True)
        attached = model.model_copy(update={"callbacks": [listener]})
        assert (await attached.ainvoke("?")).text == "a fair wind"
    assert listener.heard == ["ask", "a fair wind", "", "a fair wind"]
    assert alone.response_metadata.keys() == heard.response_metadata.keys() >= {"finish_reason", "logprobs"}
    alike = {"id", "response_metadata"}
    assert alone.model_dump(exclude=alike) == heard.model_dump(exclude=alike)


async def test_what_langchain_remembers_is_not_asked() -> None:
    with StubServer("a fair wind") as server:
        model = connect(server.url, "tiny").model_copy(update={"cache": InMemoryCache()})
        assert (await model.ainvoke("?")).text == (await model.ainvoke("?")).text == "a fair wind"
        assert server.served == 1
