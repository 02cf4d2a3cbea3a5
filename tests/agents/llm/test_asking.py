"""Asking: structured outputs, fallbacks that are found once, one repair, typed failures."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from openai import LengthFinishReasonError
from openai.types.chat import ChatCompletion

from kedge.agents.llm.asking import Asker
from kedge.agents.llm.prompting import prompt
from kedge.agents.llm.replies import Choice, PlanReply, ReadReply, parse, schema
from kedge.errors import ContextOverflow, DecisionFailed, ModelError, RequestRefused, SchemaUnsupported
from kedge.tools.knowledge_base import Chunk
from kedge.tools.models import ModelClient
from tests.agents.llm._models import Call, TalkingModel, passages, reply

ROLE = prompt("plan")
MESSAGES = ROLE.messages(question="Who?")
GOOD = reply(steps=[{"id": "1", "operation": "search", "question": "Who?", "depends_on": []}])


def asker(model: TalkingModel, *, thinking: bool = False) -> Asker:
    return Asker(ModelClient.around(model), thinking)


def chunk(text: str, number: int = 1) -> Chunk:
    return Chunk(number, "d", "s", "", "", text, 0, len(text))


async def test_a_request_has_a_bounded_schema_and_asks_not_to_think() -> None:
    model = TalkingModel(script=[GOOD])
    await asker(model).ask(ROLE, PlanReply, MESSAGES)
    [call] = model.calls
    wanted = call.options["response_format"]
    assert wanted["json_schema"]["schema"] == schema(PlanReply)
    assert call.options["extra_body"] == {"chat_template_kwargs": {"enable_thinking": False}}
    assert call.options["max_tokens"] == ROLE.tokens
    assert call.role == "plan"
    assert wanted["json_schema"]["name"] == "plan-1"
    assert [message.type for message in call.messages] == ["system", "human"]


async def test_a_thinking_model_gets_room_and_its_thoughts_are_no_reply() -> None:
    model = TalkingModel(script=[f"<think>Is {{}} a plan?</think>\n{GOOD}"])
    await asker(model, thinking=True).ask(ROLE, PlanReply, MESSAGES)
    [call] = model.calls
    assert "extra_body" not in call.options
    assert call.options["max_tokens"] > 4 * ROLE.tokens


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("", "answered with nothing"),
        ("I cannot help with that.", "no JSON object"),
        (GOOD[:40], "That reply cannot be used"),
        ("{" * 5000, "That reply cannot be used"),
        (reply(steps=[]), "steps"),
        (reply(steps=[{"id": "1", "question": "x", "depends_on": ["2"]}]), "depends on '2'"),
        (reply(plan="think first"), "steps: Field required"),
        ("<think>a thought without end", "no JSON object"),
    ],
)
async def test_a_bad_reply_is_shown_with_its_error_and_repaired(bad: str, complaint: str) -> None:
    model = TalkingModel(script=[bad, GOOD])
    answer = await asker(model).ask(ROLE, PlanReply, MESSAGES)
    assert answer.steps[0].question == "Who?"
    assert len(model.calls) == 2
    assert complaint in model.calls[1].last
    assert len(model.calls[1].last) < 600


async def test_two_bad_replies_are_a_typed_failure() -> None:
    model = TalkingModel(script=["no", "still no"])
    with pytest.raises(DecisionFailed, match="no usable reply to the prompt plan/1"):
        await asker(model).ask(ROLE, PlanReply, MESSAGES)
    assert len(model.calls) == 2


async def test_a_reply_that_was_cut_off_is_repaired() -> None:
    message = {"role": "assistant", "content": GOOD[:30]}
    body: Any = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": []}
    body["choices"] = [{"index": 0, "finish_reason": "length", "message": message}]
    cut = LengthFinishReasonError(completion=ChatCompletion.model_validate(body))
    model = TalkingModel(script=[cut, GOOD])
    await asker(model).ask(ROLE, PlanReply, MESSAGES)
    assert model.calls[1].messages[2].content == GOOD[:30]


async def test_a_server_without_structured_outputs_is_found_out_once() -> None:
    def talk(call: Call) -> str | Exception:
        if "response_format" in call.options:
            return SchemaUnsupported("response_format json_schema is not supported")
        return f"Here it is:\n```json\n{GOOD}\n```" if '"properties"' in call.system else "what schema?"

    model = TalkingModel(script=talk)
    asking = asker(model)
    await asking.ask(ROLE, PlanReply, MESSAGES)
    await asking.ask(ROLE, PlanReply, MESSAGES)
    assert len(model.calls) == 3
    assert "extra_body" in model.calls[-1].options, "only what was refused is given up"


async def test_a_template_without_a_system_role_gets_one_message() -> None:
    def talk(call: Call) -> str | Exception:
        return RequestRefused("System role not supported") if call.messages[0].type == "system" else GOOD

    model = TalkingModel(script=talk)
    await asker(model).ask(ROLE, PlanReply, MESSAGES)
    assert [message.type for message in model.calls[-1].messages] == ["human"]
    assert model.calls[-1].user.startswith(ROLE.system)


async def test_a_client_that_does_not_know_an_option_is_asked_without_it() -> None:
    def talk(call: Call) -> str | Exception:
        unknown = {"extra_body", "response_format"} & call.options.keys()
        return TypeError(f"unexpected keyword argument {min(unknown)!r}") if unknown else GOOD

    model = TalkingModel(script=talk)
    await asker(model).ask(ROLE, PlanReply, MESSAGES)
    assert len(model.calls) == 3


async def test_a_refusal_that_nothing_helps_against_is_told() -> None:
    model = TalkingModel(script=[RequestRefused("the temperature is wrong")])
    asking = asker(model)
    with pytest.raises(ModelError, match="the temperature is wrong"):
        await asking.ask(ROLE, PlanReply, MESSAGES)
    model.script, before = [GOOD], len(model.calls)
    await asking.ask(ROLE, PlanReply, MESSAGES)
    assert "response_format" in model.calls[before].options, "nothing was learnt from a failure"


async def test_an_unknown_model_is_an_error_at_once() -> None:
    model = TalkingModel(script=[ModelError("no such model")])
    with pytest.raises(ModelError, match="no such model") as raised:
        await asker(model).ask(ROLE, PlanReply, MESSAGES)
    assert not isinstance(raised.value, DecisionFailed)
    assert len(model.calls) == 1


async def test_evidence_that_does_not_fit_is_cut_from_its_end_and_remembered() -> None:
    def talk(call: Call) -> str | Exception:
        size = sum(len(text) for text in passages(call))
        return ContextOverflow("too long") if size > 900 else reply(choice="1")

    model = TalkingModel(script=talk)
    asking, role = asker(model), prompt("disambiguate")
    items = [chunk(str(n) * 400, n) for n in range(1, 7)]
    _, notes = await asking.ask_about(role, Choice, items, name="x", others="y")
    assert notes == ("only 2 of 6 passages fit into the model's context",)
    assert "1" * 400 in model.calls[-1].user
    before = len(model.calls)
    await asking.ask_about(role, Choice, items, name="x", others="y")
    assert len(model.calls) == before + 1, "the room is known by now"
    _, notes = await asking.ask_about(role, Choice, items[:1], name="x", others="y")
    assert notes == ()


async def test_a_context_too_short_for_anything_fails_and_ends() -> None:
    model = TalkingModel(script=[ContextOverflow("the prompt is too long")])
    with pytest.raises(DecisionFailed, match="too long"):
        await asker(model).ask_about(prompt("augment"), Choice, [chunk("x" * 3000)])
    assert len(model.calls) < 8


def test_replies_are_read_leniently_and_refused_where_they_mean_nothing() -> None:
    text = json.dumps(
        {
            "quotations": [{"passage": 1, "text": "a\ud800b"}] * 9,
            "status": "Answered ",
            "answer": 1771,
            "missing": [],
            "confidence": "HIGH",
            "mood": "fine",
        }
    )
    read = parse(ReadReply, text.replace('"mood"', '"mo\tod"'))
    assert (read.status, read.answer, read.confidence) == ("answered", "1771", "high")
    assert len(read.quotations) == 6
    read.model_dump_json()
    with pytest.raises(ValueError, match="status"):
        parse(ReadReply, text.replace("Answered", "budget"))


@pytest.mark.parametrize("form", [PlanReply, ReadReply, Choice])
def test_schemas_bound_everything(form: Any) -> None:
    def check(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                check(item)
        elif isinstance(node, dict):
            if node.get("type") == "string" and "enum" not in node:
                assert "maxLength" in node, node
            if node.get("type") == "array":
                assert "maxItems" in node, node
            if node.get("type") == "object":
                assert node["required"] == list(node["properties"])
                assert node["additionalProperties"] is False
            for value in node.values():
                check(value)

    check(schema(form))


async def test_blocks_of_content_are_read_as_text() -> None:
    blocks = AIMessage(content=[{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": GOOD}])
    await Asker(TalkingModel(script=[blocks])).ask(ROLE, PlanReply, MESSAGES)
