"""Kedge for LangChain: tools in an agent, methods and retrievers in chains."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableParallel

from kedge import Answer, Budget, KnowledgeBase
from kedge._doors.schemas import Found, Picture, Reply
from kedge.langchain import MethodRunnable, tools
from kedge.testing import FakeEncoder
from kedge.tools.search import How, retriever

CHARTER = "In which year did Averrin receive its charter?"


class Scripted(BaseChatModel):
    """A chat model that says what it was told to say, and remembers what it was asked."""

    replies: list[AIMessage]
    heard: list[list[BaseMessage]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Scripted:  # type: ignore[override]
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.heard.append(list(messages))
        return ChatResult(generations=[ChatGeneration(message=self.replies[len(self.heard) - 1])])


def calling(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])


def invoked(base: KnowledgeBase, tool: str, **arguments: Any) -> ToolMessage:
    chosen = next(found for found in tools(base) if found.name == tool)
    message: ToolMessage = chosen.invoke({"type": "tool_call", "name": tool, "args": arguments, "id": "1"})
    return message


def test_tools_give_content_and_artifact(world: KnowledgeBase) -> None:
    found = invoked(world, "search", query="fog bell", k=2)
    assert isinstance(found.artifact, Found)
    assert len(found.artifact.passages) == 2
    assert found.artifact.passages[0].text in found.content
    answered = invoked(world, "ask", question=CHARTER)
    assert isinstance(answered.artifact, Reply)
    assert answered.content.startswith("1388")
    image = next(item for item in world.documents() if item.kind == "image")
    looked = invoked(world, "look_at_image", document=image.id)
    assert isinstance(looked.artifact, Picture)
    assert looked.artifact.png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_document", {"document": "/etc/passwd"}),
        ("search", {"query": ""}),
        ("search", {"query": "x", "colour": "red"}),
        ("explore_graph", {"entity": "Grey Hero"}),
    ],
)
def test_what_the_model_can_mend_is_told_to_it(
    world: KnowledgeBase, tool: str, arguments: dict[str, Any]
) -> None:
    message = invoked(world, tool, **arguments)
    assert message.status == "error"


def test_documents_are_added_only_where_that_is_allowed(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "base", create=True, encoder=FakeEncoder()) as base:
        assert "add_documents" not in {tool.name for tool in tools(base)}
        adding = next(tool for tool in tools(base, writable=True) if tool.name == "add_documents")
        assert "may be added" in adding.invoke({"paths": ["/etc/passwd"]})
        adding.invoke({"texts": [{"title": "Pier", "text": "The pier was built in 1931."}]})
        assert [document.title for document in base.documents()] == ["Pier"]


async def test_an_agent_uses_the_tools(world: KnowledgeBase) -> None:
    agents = pytest.importorskip("langchain.agents")
    replies = [
        calling("search", query="Grey Heron", nonsense=1),
        calling("search", query="Grey Heron", k=3),
        calling("ask", question=CHARTER),
        AIMessage("It was 1388."),
    ]
    model = Scripted(replies=replies, heard=[])
    agent = agents.create_agent(model, tools(world))
    state = await agent.ainvoke({"messages": [HumanMessage(CHARTER)]})
    assert state["messages"][-1].content == "It was 1388."
    given = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert [message.status for message in given] == ["error", "success", "success"]
    assert given[2].content.startswith("1388")
    assert isinstance(given[2].artifact, Reply)
    assert model.heard[-1][-1].content == given[2].content


async def test_methods_are_runnables(world: KnowledgeBase) -> None:
    asked = MethodRunnable(world, budget=Budget(rounds=1))
    answer = asked.invoke(CHARTER)
    assert isinstance(answer, Answer)
    assert (answer.text, answer.method) == ("1388", "metakgrag")
    both = RunnableParallel(loop=asked | str, once=MethodRunnable(world, method="retrieve_read") | str)
    assert (await both.ainvoke(CHARTER))["loop"] == "1388"
    assert [str(one) for one in await asked.abatch([CHARTER, CHARTER])] == ["1388", "1388"]


@pytest.mark.parametrize("how", get_args(How))
def test_every_search_is_a_retriever(world: KnowledgeBase, how: How) -> None:
    finding = retriever(world, how, k=3)
    documents = finding.invoke("fog bell of Skerrivane Light")
    assert len(documents) == 3
    assert asyncio.run(finding.ainvoke("fog bell of Skerrivane Light")) == documents
