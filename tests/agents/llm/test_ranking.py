"""Grades from the probabilities of a reply's tokens."""

from __future__ import annotations

import math
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from kedge.agents.llm import LlmCast
from kedge.agents.llm.ranking import PointwiseScore, score_of
from kedge.errors import DecisionFailed
from kedge.tools.knowledge_base import Chunk
from tests.agents.llm._models import Call, TalkingModel, passages, reply


def token(**alternatives: float) -> dict[str, Any]:
    top = [{"token": name, "logprob": math.log(p)} for name, p in alternatives.items()]
    return {**top[0], "top_logprobs": top}


def graded(yes: float, grades: list[float]) -> AIMessage:
    """A reply `yes(g)` or `no(g)` with these probabilities, worded as tokenisers word them."""
    digits = {str(grade): chance for grade, chance in enumerate(grades) if chance}
    said = max(digits, key=lambda digit: digits[digit])
    verdict = {" Yes": yes, "no": 1 - yes} if yes > 0.5 else {"no": 1 - yes, " Yes": yes}
    order = dict(sorted(digits.items(), key=lambda item: item[0] != said))
    tokens = [token(**verdict), token(**{"(": 1.0}), token(**order), token(**{")": 1.0})]
    text = f"{'Yes' if yes > 0.5 else 'no'}({said})"
    return AIMessage(text, response_metadata={"logprobs": {"content": tokens}})


@pytest.mark.parametrize(
    ("score", "expected"), [("label", 0.75), ("yesno", 0.8), ("expected", 0.6875), ("merge", 0.74375)]
)
async def test_score_modes(score: PointwiseScore, expected: float) -> None:
    model = TalkingModel(script=[graded(0.8, [0, 0, 0.25, 0.75, 0])])
    [grade] = await LlmCast(model, score=score).grade("Who?", [chunk("Ada Moss.")])
    assert grade == pytest.approx(expected)
    [call] = model.calls
    assert call.options["extra_body"]["structured_outputs"] == {"regex": r"(yes|no)\([0-4]\)"}
    assert ("logprobs" in call.options) == (score != "label")


async def test_a_grade_is_think_free_even_for_a_thinking_cast() -> None:
    model = TalkingModel(script=[graded(0.8, [0, 0, 0, 1.0, 0])])
    await LlmCast(model, thinking=True).grade("Who?", [chunk("Ada Moss.")])
    assert model.calls[0].options["extra_body"]["chat_template_kwargs"] == {"enable_thinking": False}
    assert model.calls[0].options["max_tokens"] < 20


async def test_probabilities_separate_passages_that_labels_do_not() -> None:
    chances = {"one": [0.4, 0, 0, 0.6, 0], "two": [0, 0, 0.1, 0.6, 0.3]}

    def talk(call: Call) -> AIMessage:
        return graded(0.9, chances[passages(call)[0].removeprefix("Text: ")])

    items = [chunk("one"), chunk("two")]
    labels = await LlmCast(TalkingModel(script=talk), score="label").grade("Who?", items)
    expected = await LlmCast(TalkingModel(script=talk)).grade("Who?", items)
    assert labels[0] == labels[1]
    assert expected[0] < expected[1]


async def test_one_unusable_reply_gets_the_mean_and_none_at_all_fails() -> None:
    def talk(call: Call) -> AIMessage:
        return AIMessage("hm") if "bad" in call.user else graded(0.9, [0, 0, 0, 0, 1.0])

    model = TalkingModel(script=talk)
    assert await LlmCast(model).grade("Who?", [chunk("good"), chunk("bad")]) == (1.0, 1.0)
    with pytest.raises(DecisionFailed, match="no grade"):
        await LlmCast(model).grade("Who?", [chunk("bad")])


async def test_a_server_without_probabilities_is_told_so() -> None:
    model = TalkingModel(script=["yes(3)"])
    with pytest.raises(DecisionFailed, match="without the log-probabilities") as raised:
        await LlmCast(model).grade("Who?", [chunk("x")])
    assert "label" in raised.value.fix
    assert await LlmCast(model, score="label").grade("Who?", [chunk("x")]) == (0.75,)


def test_a_verdict_without_a_grade() -> None:
    assert score_of("Yes.", (), "label") == 1.0
    assert score_of("no", (), "label") == 0.0
    assert score_of("Yes.", [token(Yes=0.5, No=0.5)], "yesno") == pytest.approx(0.5)


async def test_batches_by_the_model() -> None:
    def talk(call: Call) -> str:
        shown = passages(call)
        grades = [{"passage": n, "grade": 4 if "good" in text else 0} for n, text in enumerate(shown, 1)]
        return reply(grades=[*grades, {"passage": 99, "grade": 4}])

    items = [chunk("good" if n == 3 else f"other {n}", n) for n in range(12)]
    model = TalkingModel(script=talk)
    grades = await LlmCast(model, score="batched").grade("Who?", items)
    assert grades.index(max(grades)) == 3
    assert max(grades) == 1.0
    assert {call.role for call in model.calls} == {"grade_batch"}


def chunk(text: str, number: int = 1) -> Chunk:
    return Chunk(number, "d", "s", "", "", text, 0, len(text))
