"""Asking a model for a decision: structured output first, one repair, then a typed failure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Final, TypeVar

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from openai import LengthFinishReasonError
from pydantic import BaseModel

from kedge.agents.llm.prompting import Messages, Prompt, quoted, written
from kedge.agents.llm.replies import parse, schema
from kedge.errors import ContextOverflow, DecisionFailed, RequestRefused, SchemaUnsupported
from kedge.tools.knowledge_base import Chunk, Evidence
from kedge.tools.models.client import ModelClient
from kedge.tools.models.thinking import spoken

__all__ = ["Asker"]

F = TypeVar("F", bound=BaseModel)

# What a model may think, in tokens, before the reply that its prompt bounds.
_THOUGHTS: Final = 4096
_SHOWN: Final = 1500  # characters of a bad reply that are shown to the model again
_ROOM: Final = 200  # characters of evidence below which nothing can be decided


@dataclass(frozen=True)
class _Manners:
    """How a server wants to be asked; each is given up when the server refuses it, once per model."""

    schema: bool = True  # `response_format`
    extra: bool = True  # fields beyond OpenAI's, such as the one that tells a template not to think
    system: bool = True  # a system message

    def plainer(self, refused: Exception) -> _Manners | None:
        """What to try after a refusal: what it complains of first; `None` when nothing is left to give up."""
        said = str(refused).lower()
        if self.schema and isinstance(refused, SchemaUnsupported):
            return replace(self, schema=False)
        if self.system and "system" in said and "role" in said:
            return replace(self, system=False)
        for name in ("extra", "schema", "system"):
            if getattr(self, name):
                return replace(self, **{name: False})
        return None


@dataclass
class Asker:
    """Asks one model, and remembers what its server cannot do.

    `thinking` lets a thinking model think; otherwise its chat template is told not to, where the server
    takes such a wish.
    """

    model: ModelClient
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
            except ContextOverflow as error:
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
            ContextOverflow: the prompt does not fit.
            ModelError: the endpoint does not answer.
        """
        reply = ""
        problem: Exception | None = None
        for _ in range(2):
            if problem is not None:
                messages = (*messages, *_complaint(reply, problem))
            try:
                reply = ""
                reply = spoken(await self.complete(prompt, messages, form=form)).text
                return parse(form, reply)
            except (ValueError, DecisionFailed) as error:
                problem = error
        raise DecisionFailed(
            f"{self.model.where} gave no usable reply to the prompt {prompt}: {_brief(problem)}",
            fix="use a larger model, or a server with structured outputs",
        )

    async def complete(self, prompt: Prompt, messages: Messages, **options: Any) -> BaseMessage:
        """One reply as it comes; `options` go to the server with the request."""
        manners = self._manners
        while True:
            sent, request = self._shaped(messages, prompt, manners, options)
            try:
                message = await self.model.ainvoke(list(sent), _config(prompt), **request)
            except LengthFinishReasonError as cut:
                return AIMessage(cut.completion.choices[0].message.content or "")
            except (RequestRefused, SchemaUnsupported, TypeError) as refused:
                plainer = manners.plainer(refused)
                if plainer is None:
                    raise
                manners = plainer
            else:
                self._manners = manners
                return message

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
            named = {"name": f"{prompt.name}-{prompt.version}", "schema": schema(form)}
            request["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form is not None:
            system = f"{system}\n\nThe JSON schema of the reply: {json.dumps(schema(form))}"
        if manners.system:
            return (("system", system), *others), request
        (_, first), *rest = others
        if isinstance(first, list):
            return (("human", [{"type": "text", "text": system}, *first]), *rest), request
        return (("human", f"{system}\n\n{first}"), *rest), request


def _chunk(item: Chunk | Evidence) -> Chunk:
    return item if isinstance(item, Chunk) else item.chunk


def _fitting(texts: Sequence[str], room: int | None) -> list[str]:
    """The first texts that fit into so many characters together, the last of them cut."""
    if room is None:
        return list(texts)
    starts = accumulate(map(len, texts), initial=0)
    return [text[: room - start] for text, start in zip(texts, starts, strict=False) if start < room]


def _complaint(reply: str, problem: Exception) -> Messages:
    """The model's reply, and what is wrong with it."""
    shown = reply[:_SHOWN] or "(nothing)"
    wrong = (
        f"That reply cannot be used: {_brief(problem)}. Reply again with one JSON object and nothing else."
    )
    return ("ai", shown), ("human", wrong)


def _brief(problem: Exception | None) -> str:
    errors = getattr(problem, "errors", None)
    if errors is None:
        return str(problem)[:300]
    told = (f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors())
    return "; ".join(told)[:300]


def _config(prompt: Prompt) -> RunnableConfig:
    """What traces say of a call: the role's prompt and its version."""
    return {"run_name": f"kedge.{prompt.name}", "metadata": {"prompt": str(prompt)}}
