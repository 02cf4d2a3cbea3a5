"""Scripted replies, and how an OpenAI-compatible server words them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = ["Reply", "StubRequest", "embeddings_body", "error_body", "events", "json_bytes", "whole_body"]

# A made-up tokeniser: words with the space before them, and whatever else stands alone.
TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
UNLIKELY = -9.0


@dataclass(frozen=True, slots=True)
class StubRequest:
    """What a client sent: the path behind `/v1`, the JSON body, and the headers with small letters."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(repr=False)

    @property
    def prompt(self) -> str:
        """All that the model would read, as one text: messages, or the prompt, or the input."""
        if messages := self.body.get("messages"):
            return "\n".join(_text(message.get("content")) for message in messages)
        return _text(self.body.get("prompt", self.body.get("input")))


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted reply: what is said, and what goes wrong while saying it.

    Args:
        text: What the model says.
        reasoning: What it thinks before, sent as `reasoning_content`.
        tool_calls: Calls of tools, as the protocol has them.
        finish_reason: Why it stopped; `length` is what endless repetition ends with.
        logprobs: For each token its alternatives, a log-probability by token; the first is the token said.
        usage: What is counted as used; words are counted otherwise.
        latency: Seconds before anything is sent, instead of the server's own.
        status: HTTP status; with any other than 200, `text` is the message of an error.
        kind: The `type` and `code` of that error.
        headers: More headers.
        body: Sent as it is instead of all this: not JSON, or JSON of another shape.
        drip: Seconds before each event of a stream, or each tenth of a body.
        cut: Hang up after so many events of a stream, or bytes of a body.
        reset: Reset the connection instead of replying.

    Example:
        >>> Reply.error(429, "slow down", retry_after=1).headers
        {'Retry-After': '1'}
    """

    text: str = ""
    reasoning: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    finish_reason: str = "stop"
    logprobs: Sequence[Mapping[str, float]] | None = None
    usage: Mapping[str, Any] | None = None
    latency: float | None = None
    status: int = 200
    kind: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None
    drip: float = 0.0
    cut: int | None = None
    reset: bool = False

    @classmethod
    def error(
        cls, status: int, message: str = "scripted", *, kind: str = "", retry_after: float | None = None
    ) -> Self:
        """An error as such servers send it, with `Retry-After` seconds if given."""
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        return cls(message, status=status, kind=kind, headers=headers)


def error_body(reply: Reply) -> bytes:
    """The body of an error."""
    return json_bytes({"error": {"message": reply.text, "type": reply.kind, "code": reply.kind or None}})


def whole_body(request: StubRequest, reply: Reply) -> bytes:
    """The body of a reply that is sent at once."""
    return json_bytes(
        {**_frame(request), "choices": [_choice(request, reply)], "usage": _usage(request, reply)}
    )


def events(request: StubRequest, reply: Reply) -> Iterator[bytes]:
    """A reply as server-sent events: one for each token, one with the reason, the usage if it is wanted."""
    chat = request.path.startswith("/chat")
    frame = _frame(request, chunk=chat)
    logprobs = _logprobs(request, reply)

    def event(delta: dict[str, Any], reason: str | None = None, at: int | None = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
        choice |= {"delta": delta} if chat else {"text": delta.get("content", "")}
        if logprobs and at is not None:
            choice["logprobs"] = {"content": logprobs[at : at + 1]}
        return b"data: " + json_bytes({**frame, "choices": [choice]}) + b"\n\n"

    if chat:
        yield event({"role": "assistant", "content": ""})
    if reply.reasoning:
        yield event({"reasoning_content": reply.reasoning})
    for number, token in enumerate(_tokens(request, reply)):
        yield event({"content": token}, at=number)
    if reply.tool_calls:
        yield event({"tool_calls": [{"index": i, **call} for i, call in enumerate(reply.tool_calls)]})
    yield event({}, reply.finish_reason)
    if request.body.get("stream_options", {}).get("include_usage"):
        yield b"data: " + json_bytes({**frame, "choices": [], "usage": _usage(request, reply)}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def embeddings_body(request: StubRequest, vectors: Sequence[Sequence[float]]) -> bytes:
    """The body of a reply to a request for embeddings."""
    rows = [{"object": "embedding", "index": i, "embedding": list(row)} for i, row in enumerate(vectors)]
    words = len(TOKEN.findall(request.prompt))
    usage = {"prompt_tokens": words, "total_tokens": words}
    return json_bytes({"object": "list", "model": request.body.get("model"), "data": rows, "usage": usage})


def json_bytes(value: object) -> bytes:
    """JSON in bytes, also of texts that UTF-8 cannot hold."""
    return json.dumps(value, separators=(",", ":")).encode()


def _frame(request: StubRequest, *, chunk: bool = False) -> dict[str, Any]:
    kind = ("chat.completion.chunk" if chunk else "chat.completion") if request.path != "/completions" else ""
    return {
        "id": "stub",
        "object": kind or "text_completion",
        "created": 0,
        "model": request.body.get("model", "stub"),
    }


def _choice(request: StubRequest, reply: Reply) -> dict[str, Any]:
    logprobs = _logprobs(request, reply)
    choice = {
        "index": 0,
        "finish_reason": reply.finish_reason,
        "logprobs": {"content": logprobs} if logprobs else None,
    }
    if request.path == "/completions":
        return {**choice, "text": reply.text}
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        message["tool_calls"] = list(reply.tool_calls)
    return {**choice, "message": message}


def _usage(request: StubRequest, reply: Reply) -> dict[str, Any]:
    if reply.usage is not None:
        return dict(reply.usage)
    read = len(TOKEN.findall(request.prompt))
    said = len(TOKEN.findall(reply.text)) + len(TOKEN.findall(reply.reasoning or ""))
    return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}


def _tokens(request: StubRequest, reply: Reply) -> list[str]:
    if reply.logprobs is not None:
        return [next(iter(alternatives)) for alternatives in reply.logprobs]
    return TOKEN.findall(reply.text)


def _logprobs(request: StubRequest, reply: Reply) -> list[dict[str, Any]]:
    """For each token its log-probability and the likeliest alternatives, if the request wants them."""
    if not request.body.get("logprobs"):
        return []
    shown = request.body.get("top_logprobs") or 0
    choices = reply.logprobs or [{token: 0.0} for token in TOKEN.findall(reply.text)]
    rows = []
    for alternatives in choices:
        ranked = sorted(alternatives.items(), key=lambda pair: -pair[1])[:shown]
        token = next(iter(alternatives))
        rows.append(
            {**_token(token, alternatives[token]), "top_logprobs": [_token(*pair) for pair in ranked]}
        )
    return rows


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}


def _text(content: Any) -> str:
    """The text of a message's content, of a prompt, or of a list of them."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part if isinstance(part, str) else str(part.get("text", "")) for part in parts)
