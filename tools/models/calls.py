"""One call of a model, for the ledger, the trace and the spans."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult
from pydantic import BaseModel, ConfigDict, Field

from kedge.errors import ModelError
from kedge.tools.models.budget import Spending
from kedge.tools.models.faults import check_reply, name_of
from kedge.tools.models.requests import Asked, to_record
from kedge.tools.models.thinking import spoken

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

__all__ = ["Call", "Price"]

MILLION = 1_000_000


class Price(BaseModel):
    """What a million tokens of a model cost, in any one currency.

    `cached` is for prompt tokens that the server remembered; the price of `prompt` if it is not given.

    Example:
        >>> Price(prompt=2, completion=8).of(Spending(prompt_tokens=500_000, completion_tokens=125_000))
        2.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)

    def of(self, spending: Spending) -> float:
        """The cost of these tokens."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = (spending.prompt_tokens - spending.cached_tokens) * self.prompt
        return (
            fresh + spending.cached_tokens * cached + spending.completion_tokens * self.completion
        ) / MILLION


class Call:
    """What was asked, what came of it, and what it took."""

    def __init__(self, asked: Asked, model: BaseChatModel, where: str, *, role: str | None) -> None:
        self.asked = asked
        self.where = where
        self.role = role
        self.name = name_of(model)
        self.url: str | None = getattr(model, "openai_api_base", None)
        self.began = time.time_ns()
        self.ended = self.began
        self.result: ChatResult | None = None
        self.fault: ModelError | None = None
        self.spending = Spending(calls=1)

    @property
    def message(self) -> AIMessage | None:
        """What the model said."""
        if self.result is None or not self.result.generations:
            return None
        message = self.result.generations[0].message
        return message if isinstance(message, AIMessage) else None

    @property
    def finish(self) -> str | None:
        """Why it stopped."""
        info = self.result.generations[0].generation_info if self.result and self.result.generations else None
        return (info or {}).get("finish_reason")

    def answered(self, result: ChatResult) -> None:
        """The model has said all.

        Raises:
            ModelError: it is of no use.
        """
        self.result = result
        message = self.message
        info = result.generations[0].generation_info if result.generations else None
        if (info or {}).get("logprobs"):
            return  # they are of use without any text
        check_reply(
            self.where,
            message.text if message else "",
            thought=bool(message and message.additional_kwargs.get("reasoning_content")),
            calls=bool(message and (message.tool_calls or message.invalid_tool_calls)),
            finish=self.finish,
        )

    def end(self, prices: Mapping[str, Price]) -> None:
        """The call is over, one way or another: how long it took, and what it used.

        A call that failed is free; one that was given up has a cost that nobody knows.
        """
        self.ended = time.time_ns()
        seconds = (self.ended - self.began) / 1e9
        usage = self.message.usage_metadata if self.message else None
        if usage is None:
            spending = Spending(calls=1, model_seconds=seconds)
        else:
            spending = Spending(
                calls=1,
                model_seconds=seconds,
                prompt_tokens=usage["input_tokens"],
                completion_tokens=usage["output_tokens"],
                cached_tokens=usage.get("input_token_details", {}).get("cache_read") or 0,
                reasoning_tokens=usage.get("output_token_details", {}).get("reasoning")
                or self._thought_tokens(usage["output_tokens"]),
            )
        price = prices.get(self.name)
        known = usage is not None or self.fault is not None
        self.spending = (
            spending.model_copy(update={"cost": price.of(spending)}) if price and known else spending
        )

    def _thought_tokens(self, tokens: int) -> int:
        """The share of the completion that was thoughts, by letters, where a server does not tell."""
        if self.message is None:
            return 0
        text, thoughts = spoken(self.message)
        return round(tokens * len(thoughts) / max(1, len(text) + len(thoughts)))

    def record(self) -> dict[str, Any]:
        """All of it, as JSON holds it."""
        used = self.spending.model_dump(exclude_defaults=True, exclude={"calls", "cost"})
        return {
            "time": datetime.fromtimestamp(self.began / 1e9, UTC).isoformat(timespec="milliseconds"),
            "role": self.role,
            "model": self.name,
            "endpoint": self.url,
            "request": self.asked.record,
            "reply": to_record(self.result) if self.result else None,
            "used": used,
            "fault": str(self.fault) if self.fault else None,
        }

    def span(self, tracer: Tracer) -> None:
        """Tell OpenTelemetry, after its conventions for generative models."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        used = self.spending
        server = urlsplit(self.url or "")
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": self.name,
            "gen_ai.response.finish_reasons": [self.finish] if self.finish else None,
            "gen_ai.usage.input_tokens": used.prompt_tokens,
            "gen_ai.usage.output_tokens": used.completion_tokens,
            "server.address": server.hostname,
            "server.port": server.port,
            "error.type": type(self.fault).__name__ if self.fault else None,
            "kedge.role": self.role,
        }
        span = tracer.start_span(
            f"chat {self.name}",
            kind=SpanKind.CLIENT,
            start_time=self.began,
            attributes={name: value for name, value in attributes.items() if value is not None},
        )
        if self.fault is not None:
            span.set_status(Status(StatusCode.ERROR, self.fault.message))
        span.end(self.ended)
