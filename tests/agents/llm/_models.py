"""Chat models for tests: what they say is a function of what they are asked, and they remember it."""

from __future__ import annotations

import json
import re
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from kedge.agents.llm.prompting import prompt

ROLES = (
    "concepts",
    "disambiguate",
    "extract_triples",
    "judge",
    "read",
    "plan",
    "grade",
    "grade_batch",
    "verify",
    "augment",
    "describe",
    "locate",
)
Said = str | AIMessage | Exception


class Call:
    """One request: its messages, its options, and whose prompt it is."""

    def __init__(self, messages: list[BaseMessage], options: dict[str, Any]) -> None:
        self.messages = messages
        self.options = options
        self.role = next((name for name in ROLES if prompt(name).system in str(messages[0].content)), "")

    @property
    def system(self) -> str:
        return str(self.messages[0].content)

    @property
    def user(self) -> str:
        return next(str(m.content) for m in self.messages if m.type == "human")

    @property
    def last(self) -> str:
        return str(self.messages[-1].content)


class TalkingModel(BaseChatModel):
    """Says what `script` makes of a call; a list is said in order, its last item for ever."""

    script: Any  # a function of the call, or a list of what is `Said`
    calls: list[Call] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "talking"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        call = Call(messages, kwargs)
        self.calls.append(call)
        if callable(self.script):
            said = self.script(call)
        else:
            said = self.script[min(len(self.calls), len(self.script)) - 1]
        if isinstance(said, Exception):
            raise said
        message = said if isinstance(said, AIMessage) else AIMessage(said)
        return ChatResult(generations=[ChatGeneration(message=message)])


def passages(call: Call) -> list[str]:
    """The quoted passages of a call, as a model that keeps to the markers sees them."""
    found = re.findall(
        r"^<<<passage \d+ (\w+)>>>\n(.*?)\n<<<end of passage \d+ \1>>>$", call.user, re.MULTILINE | re.DOTALL
    )
    return [text for _, text in found]


def reply(**fields: Any) -> str:
    return json.dumps(fields)
