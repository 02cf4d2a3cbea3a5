"""The baselines: read once, or do not read at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult

from kedge.agents.decisions import Reading, Support
from kedge.agents.scripted import ScriptedCast
from kedge.errors import InputError, ModelError
from kedge.graphs.answer import Answer
from kedge.graphs.context import Context
from kedge.graphs.run import METHODS, stream
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Block, KnowledgeBase, ParsedDocument
from kedge.tools.models import Budget, Meter, Spending

TEXT = "The pier of Saltmarsh was built in 1771 by Ada Moss."


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    document = ParsedDocument("pier", "pier", "Pier", TEXT, "text", (Block("paragraph", 0, len(TEXT)),))
    with KnowledgeBase.open(tmp_path / "base", encoder=FakeEncoder(), create=True) as base:
        await base.aadd([document])
        yield base


async def answer_of(context: Context, method: str, question: str = "Who built the pier?") -> Answer:
    items = [item async for item in stream(question, context, method=method)]
    assert isinstance(items[-1], Answer)
    return items[-1]


async def test_retrieve_read_cites_characters_of_the_document(base: KnowledgeBase) -> None:
    def read(question: str, evidence: list) -> Reading:  # type: ignore[type-arg]
        start = TEXT.index("Ada Moss")
        support = Support(chunk_id=evidence[0].chunk.id, start=start, end=start + 8)
        return Reading(answer="Ada Moss", support=(support,), confidence=1.0)

    answer = await answer_of(Context(base, ScriptedCast({"read": read})), "retrieve_read")
    [citation] = answer.citations
    assert base.text(citation.document_id)[citation.start : citation.end] == citation.quote == "Ada Moss"
    assert answer.ledger.roles["read"].decisions == 1


async def test_a_refusal_shows_the_nearest_passages(base: KnowledgeBase) -> None:
    cast = ScriptedCast({"read": [Reading(answer=None, reason="missing hop")]})
    answer = await answer_of(Context(base, cast), "retrieve_read")
    assert answer.abstention is not None
    assert answer.abstention.nearest[0].quote == TEXT
    assert answer.citations == ()


async def test_closed_book_answers_from_the_model_alone(base: KnowledgeBase) -> None:
    usage = {"input_tokens": 40, "output_tokens": 3, "total_tokens": 43}
    model = GenericFakeChatModel(messages=iter([AIMessage("Ada Moss", usage_metadata=usage)]))
    answer = await answer_of(Context(base, ScriptedCast({}), model), "closed_book")
    assert answer.text == "Ada Moss"
    assert answer.citations == ()
    spent = answer.ledger.total
    assert (spent.calls, spent.prompt_tokens, spent.completion_tokens) == (1, 40, 3)
    assert answer.ledger.cost is None


async def test_closed_book_declines_when_the_model_does_not_know(base: KnowledgeBase) -> None:
    model = FakeListChatModel(responses=["Unknown."])
    answer = await answer_of(Context(base, ScriptedCast({}), model), "closed_book")
    assert answer.abstention is not None


async def test_closed_book_without_a_model_says_how_to_name_one(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="needs a language model"):
        await answer_of(Context(base, ScriptedCast({})), "closed_book")


async def test_a_model_that_does_not_answer_is_named(base: KnowledgeBase) -> None:
    class Silent(FakeListChatModel):
        async def _agenerate(self, *args: object, **kwargs: object) -> ChatResult:
            raise httpx.ConnectError("refused")

    with pytest.raises(ModelError, match="fake-list-chat-model does not answer: refused"):
        await answer_of(Context(base, ScriptedCast({}), Silent(responses=[])), "closed_book")


async def test_no_call_is_made_beyond_the_budget(base: KnowledgeBase) -> None:
    meter = Meter(Budget(calls=1))
    meter.charge("recall", Spending(calls=1))
    model = FakeListChatModel(responses=["Ada Moss"])
    answer = await answer_of(Context(base, ScriptedCast({}), model, meter), "closed_book")
    assert answer.abstention is not None
    assert answer.abstention.reason == "budget"


async def test_an_unknown_method_is_refused_with_the_known_ones(base: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="choose from research, metakgrag") as error:
        await answer_of(Context(base, ScriptedCast({})), "guess")
    assert all(method in str(error.value) for method in METHODS)
