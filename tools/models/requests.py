"""A request to a chat model in its canonical form: what the cache knows it by, and the trace writes down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks

__all__ = ["Asked", "as_chunk", "from_record", "merged", "to_record", "told"]

# What a message says, without what is only told about it.
SAID = ("name", "tool_calls", "tool_call_id")
# What is kept of a reply.
KEPT = ("content", "additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls", "name")
# Options that change how a reply comes and not what it says.
ABOUT_TRANSPORT = frozenset({"stream", "stream_options", "stream_usage", "timeout", "extra_headers"})


@dataclass(frozen=True)
class Asked:
    """What a model is asked, and with which options."""

    messages: list[BaseMessage]
    stop: list[str] | None
    options: Mapping[str, Any]
    streamed: bool = False

    @cached_property
    def record(self) -> dict[str, Any]:
        """The messages and options as JSON holds them."""
        options = {name: value for name, value in self.options.items() if name not in ABOUT_TRANSPORT}
        return {
            "messages": [_said(message) for message in self.messages],
            "stop": self.stop,
            "options": options,
        }

    def key(self, model: BaseChatModel) -> bytes:
        """A hash of all that the reply depends on: this and the model's parameters, but no URL and no key."""
        parameters = {"type": model._llm_type, **model._identifying_params}
        kept = {name: value for name, value in parameters.items() if name not in ABOUT_TRANSPORT}
        text = json.dumps([kept, self.record], sort_keys=True, default=_plain)
        return sha256(text.encode()).digest()


def _said(message: BaseMessage) -> dict[str, Any]:
    more = {name: value for name in SAID if (value := getattr(message, name, None))}
    return {"type": message.type.removesuffix("MessageChunk"), "content": message.content, **more}


def _plain(value: object) -> object:
    """Schemas given as pydantic classes; anything else by its representation."""
    schema = getattr(value, "model_json_schema", None)
    return schema() if schema else repr(value)


def merged(parts: Sequence[ChatResult | ChatGenerationChunk]) -> ChatResult:
    """The whole reply, whether it came at once or in chunks; no parts make no generations."""
    if parts and isinstance(parts[0], ChatResult):
        return parts[0]
    chunk = merge_chat_generation_chunks([part for part in parts if isinstance(part, ChatGenerationChunk)])
    if chunk is None:
        return ChatResult(generations=[])
    message = message_chunk_to_message(chunk.message)
    return ChatResult(generations=[ChatGeneration(message=message, generation_info=chunk.generation_info)])


def as_chunk(result: ChatResult) -> ChatGenerationChunk:
    """A whole reply as a stream of one."""
    [generation] = result.generations[:1]
    message = AIMessageChunk(**generation.message.model_dump(exclude={"type"}), chunk_position="last")
    return ChatGenerationChunk(message=message, generation_info=generation.generation_info)


def told(result: ChatResult) -> AIMessage:
    """The message of a reply, which tells all that is known of it, as LangChain's `ainvoke` gives it."""
    generation = result.generations[0]
    message = cast("AIMessage", generation.message)
    about = {**(result.llm_output or {}), **(generation.generation_info or {})}
    message.response_metadata = about | message.response_metadata
    return message


def to_record(result: ChatResult) -> dict[str, Any]:
    """A reply as JSON holds it."""
    generations = [
        {
            "message": {name: value for name in KEPT if (value := getattr(generation.message, name, None))},
            "info": generation.generation_info,
        }
        for generation in result.generations
    ]
    return {"generations": generations, "output": result.llm_output}


def from_record(record: Mapping[str, Any]) -> ChatResult:
    """The reply that a record holds. It has no usage: remembering costs nothing."""
    generations = [
        ChatGeneration(
            message=AIMessage(**{"content": "", **row["message"]}),
            generation_info={**(row["info"] or {}), "cached": True},
        )
        for row in record["generations"]
    ]
    output = {name: value for name, value in (record["output"] or {}).items() if name != "token_usage"}
    return ChatResult(generations=generations, llm_output=output)
