"""Asking a model for a decision: structured output first, one repair, then a typed failure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Final, TypeVar

import httpx
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from openai import LengthFinishReasonError, OpenAIError
from pydantic import BaseModel

from kedge.agents.llm.prompting import Prompt, quoted, written
from kedge.agents.llm.replies import parse, schema
from kedge.errors import DecisionFailed, ModelError
from kedge.tools.knowledge_base import Chunk, Evidence
from kedge.tools.models.thinking import spoken

__all__ = ["Asker", "ContextTooLong"]

F = TypeVar("F", bound=BaseModel)
Messages = tuple[tuple[str, str], ...]

# What a model may think, in tokens, before the reply that its prompt bounds.
_THOUGHTS: Final = 4096
_SHOWN: Final = 1500  # characters of a bad reply that are shown to the model again
_ROOM: Final = 200  # characters of evidence below which nothing can be decided
_REFUSED: Final = (400, 422, 501)
_TOO_LONG: Final = ("context length", "context_length", "maximum model length", "max_model_len", "too long")


class ContextTooLong(ModelError):
    """The prompt does not fit into the model's context."""


@dataclass(frozen=True)
class _Manners:
    """How a server wants to be asked; each is given up when the server refuses it, once per model."""

    schema: bool = True  # `response_format`
    extra: bool = True  # fields beyond OpenAI's, such as the one that tells a template not to think
    system: bool = True  # a system message

    def plainer(self, complaint: str) -> Iterator[_Manners]:
        """What to try after a refusal: what it complains of first."""
        if self.system and "system" in complaint and "role" in complaint:
            yield replace(self, system=False)
        if self.schema and any(word in complaint for word in ("response_format", "schema", "grammar")):
            yield replace(self, schema=False)
        if self.extra:
            yield replace(self, extra=False)
        if self.schema:
            yield replace(self, schema=False)
        if self.system:
            yield replace(self, system=False)


@dataclass
class Asker:
    """Asks one model, and remembers what its server cannot do.

    `thinking` lets a thinking model think; otherwise its chat template is told not to, where the server
    takes such a wish.
    """

    model: BaseChatModel
    thinking: bool = False
    _manners: _Manners = field(default=_Manners(), init=False)
    _room: int | None = field(default=None, init=False)  # characters of evidence, once some did not fit

    async def ask_about(
        self, prompt: Prompt, form: type[F], items: Sequence[Chunk | Evidence], **fields: object
    ) -> tuple[F, tuple[str, ...]]:
        """The model's reply about quoted passages, and notes on what it was not shown.

        Passages that do not fit into the model's context are left out, the last ones first.

        Raises:
            DecisionFailed, ModelError: as for `ask`.
        """
        while True:
            texts = _fitting([_chunk(item).text for item in items], self._room)
            passages = quoted([written(item, text) for item, text in zip(items, texts, strict=False)])
            try:
                reply = await self.ask(prompt, form, prompt.messages(passages=passages, **fields))
            except ContextTooLong as error:
                used = sum(map(len, texts))
                if used <= _ROOM:
                    raise DecisionFailed(error.message, fix="serve it with a longer context") from error
                self._room = used // 2
            else:
                whole = all(
                    len(text) == len(_chunk(item).text) for item, text in zip(items, texts, strict=False)
                )
                if len(texts) == len(items) and whole:
                    return reply, ()
                return reply, (f"only {len(texts)} of {len(items)} passages fit into the model's context",)

    async def ask(self, prompt: Prompt, form: type[F], messages: Messages) -> F:
        """The model's reply as a form.

        Raises:
            DecisionFailed: neither the first reply nor the repaired one fits the form.
            ContextTooLong: the prompt does not fit.
            ModelError: the endpoint does not answer.
        """
        reply = ""
        problem: ValueError | None = None
        for _ in range(2):
            if problem is not None:
                messages = (*messages, *_complaint(reply, problem))
            reply = await self._reply(prompt, messages, form)
            try:
                return parse(form, reply)
            except ValueError as error:
                problem = error
        raise DecisionFailed(
            f"{self.name} gave no usable reply to the prompt {prompt}: {_brief(problem)}",
            fix="use a larger model, or a server with structured outputs",
        )

    async def complete(self, prompt: Prompt, messages: Messages, **options: Any) -> BaseMessage:
        """One reply as it comes; `options` go to the server with the request."""
        manners, refused = self._manners, None
        while True:
            sent, request = self._shaped(messages, prompt, manners, options)
            try:
                message = await self.model.ainvoke(list(sent), _config(prompt), **request)
            except LengthFinishReasonError as cut:
                return AIMessage(cut.completion.choices[0].message.content or "")
            except (ModelError, OpenAIError, httpx.HTTPError, TypeError) as error:
                complaint = _complaints(error)
                if any(sign in complaint for sign in _TOO_LONG):
                    raise ContextTooLong(f"the prompt {prompt} is too long for {self.name}") from error
                refused = refused or error
                plainer = next(manners.plainer(complaint), None) if _is_refusal(error) else None
                if plainer is None:
                    raise self._failure(refused) from error
                manners = plainer
            else:
                self._manners = manners
                return message

    @property
    def name(self) -> str:
        """The model, as messages name it."""
        model = getattr(self.model, "model_name", None) or type(self.model).__name__
        where = getattr(self.model, "openai_api_base", None)
        return f"{model} at {where}" if where else str(model)

    async def _reply(self, prompt: Prompt, messages: Messages, form: type[BaseModel]) -> str:
        message = await self.complete(prompt, messages, form=form)
        return spoken(message).text

    def _shaped(
        self, messages: Messages, prompt: Prompt, manners: _Manners, options: dict[str, Any]
    ) -> tuple[Messages, dict[str, Any]]:
        """Messages and options of a request as this server takes them."""
        form, extra = options.get("form"), dict(options.get("extra_body", {}))
        request = {key: value for key, value in options.items() if key not in ("form", "extra_body")}
        request.setdefault("max_tokens", prompt.tokens + _THOUGHTS * self.thinking)
        if not self.thinking:
            extra["chat_template_kwargs"] = {"enable_thinking": False}
        if extra and manners.extra:
            request["extra_body"] = extra
        (_, system), *others = messages
        if form is not None and manners.schema:
            named = {"name": prompt.name, "schema": schema(form)}
            request["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form is not None:
            system += f"\n\nThe JSON schema of the reply: {json.dumps(schema(form))}"
        if manners.system:
            return (("system", system), *others), request
        (_, first), *rest = others
        return (("human", f"{system}\n\n{first}"), *rest), request

    def _failure(self, error: Exception) -> ModelError:
        if isinstance(error, ModelError):
            return error
        return ModelError(
            f"the model {self.name} does not answer: {error}", fix="check that it runs, its URL and its name"
        )


def _chunk(item: Chunk | Evidence) -> Chunk:
    return item if isinstance(item, Chunk) else item.chunk


def _fitting(texts: Sequence[str], room: int | None) -> list[str]:
    """The first texts that fit into so many characters together, the last of them cut."""
    if room is None:
        return list(texts)
    starts = accumulate(map(len, texts), initial=0)
    return [text[: room - start] for text, start in zip(texts, starts, strict=False) if start < room]


def _complaint(reply: str, problem: ValueError) -> Messages:
    """The model's reply, and what is wrong with it."""
    shown = reply[:_SHOWN] or "(nothing)"
    wrong = (
        f"That reply cannot be used: {_brief(problem)}. Reply again with one JSON object and nothing else."
    )
    return ("ai", shown), ("human", wrong)


def _brief(problem: ValueError | None) -> str:
    errors = getattr(problem, "errors", None)
    if errors is None:
        return str(problem)[:300]
    told = (f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors())
    return "; ".join(told)[:300]


def _config(prompt: Prompt) -> RunnableConfig:
    """What traces say of a call: the role's prompt and its version."""
    return {"run_name": f"kedge.{prompt.name}", "metadata": {"prompt": str(prompt)}}


def _is_refusal(error: BaseException | None) -> bool:
    """Whether a server understood the request and would not take it so; a `TypeError` is a client's way."""
    while error is not None:
        if isinstance(error, TypeError) or getattr(error, "status_code", None) in _REFUSED:
            return True
        error = error.__cause__
    return False


def _complaints(error: BaseException | None) -> str:
    """What an error and its causes say."""
    said = []
    while error is not None:
        said.append(str(error).lower())
        error = error.__cause__
    return "\n".join(said)
