"""Thinking models: what they thought, and what they said."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from langchain_core.messages import BaseMessage

__all__ = ["Reply", "spoken"]

_THOUGHT: Final = re.compile(r"\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_CLOSED: Final = re.compile(r"\A(.*)</(?:think|thinking|thought|reasoning)>", re.DOTALL)


class Reply(NamedTuple):
    """A reply without the thoughts that went before it, and those thoughts."""

    text: str
    thoughts: str


def spoken(message: BaseMessage) -> Reply:
    """What a model says, without its thoughts.

    A server with a reasoning parser sends them apart; without one they stand at the head of the text, between
    tags, or before a closing tag alone where the chat template has opened it. Thoughts that never end leave
    nothing said.

    Example:
        >>> from langchain_core.messages import AIMessage
        >>> spoken(AIMessage("<think>A pier? 1771.</think>It was built in 1771."))
        Reply(text='It was built in 1771.', thoughts='A pier? 1771.')
        >>> spoken(AIMessage("<think>A pier? Or a")).text
        ''
    """
    text = str(message.text)
    apart = message.additional_kwargs.get("reasoning_content") or message.additional_kwargs.get("reasoning")
    if found := _THOUGHT.match(text):
        return Reply(text[found.end() :].strip(), found[2].strip())
    if found := _CLOSED.match(text):
        return Reply(text[found.end() :].strip(), found[1].strip())
    return Reply(text.strip(), apart.strip() if isinstance(apart, str) else "")
