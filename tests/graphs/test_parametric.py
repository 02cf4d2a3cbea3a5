"""What parametric injection makes of a reply; at the real vLLM: tests/kedge/test_parametric.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel

from kedge.agents.scripted import ScriptedCast
from kedge.errors import InputError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.parametric import METHODS, graph
from kedge.graphs.run import METHODS as ALL
from kedge.tools.knowledge_base import Chunk, Evidence, KnowledgeBase
from kedge.tools.models import Budget, Meter

TEXT = "Ada Moss was born in Saltmarsh."
NOTHING = cast("KnowledgeBase", None)


async def found(base: KnowledgeBase, query: str, k: int) -> Sequence[Evidence]:
    return [Evidence(Chunk(7, "d", "pier.txt", "", "", TEXT, 0, len(TEXT)), 1.0, "search")][:k]


async def ask(
    method: str, reply: str = "", *, model: BaseChatModel | None = None, calls: int | None = None
) -> Answer:
    model = model or FakeListChatModel(responses=[reply])
    meter = Meter(Budget(calls=calls))
    context = Context(NOTHING, ScriptedCast({}), model=model, meter=meter, search=found, method=method)
    state: Any = {"question": "Where was Ada Moss born?", "trace": []}
    answer: Answer = (await graph.ainvoke(state, context=context))["answer"]
    return answer


async def test_an_answer_is_quoted_where_a_passage_says_it() -> None:
    answer = await ask("text", "The answer is Saltmarsh.")
    assert answer.text == "Saltmarsh"
    [citation] = answer.citations
    assert (citation.quote, citation.source) == ("Saltmarsh", "pier.txt")
    assert [event.kind for event in answer.trace] == ["searched", "answered"]


async def test_an_answer_that_no_passage_has_is_marked() -> None:
    answer = await ask("text", "Greyport")
    assert answer.text == "Greyport"
    assert not answer.citations
    assert answer.warnings == ("no passage that was found says this in so many words",)


async def test_vanilla_searches_for_nothing() -> None:
    answer = await ask("vanilla", "The answer is Ely.")
    assert answer.text == "Ely"
    assert not answer.warnings
    assert [event.kind for event in answer.trace] == ["answered"]


async def test_no_reply_and_no_budget_are_no_answer() -> None:
    for answer in (await ask("text", " "), await ask("text", "The answer is ."), await ask("text", calls=0)):
        assert answer.text is None
        assert answer.abstention is not None
    assert "answered with nothing" in (await ask("text", " ")).warnings[0]


@pytest.mark.parametrize("method", ["parametric", "combined", "task_only"])
async def test_adapters_need_a_server(method: str) -> None:
    with pytest.raises(InputError, match=f"{method} needs a vLLM server"):
        await ask(method)


def test_every_method_can_be_asked_for() -> None:
    assert {name for name, module in ALL.items() if module == "kedge.graphs.parametric"} == set(METHODS)
