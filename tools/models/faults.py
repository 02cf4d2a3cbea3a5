"""What goes wrong at an endpoint, as errors that name it and say what to do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from langchain_core.exceptions import ContextOverflowError, ModelConnectionError, ModelTimeoutError
from langchain_core.exceptions import ModelError as TheirModelError

from kedge.errors import (
    ContextOverflow,
    DecisionFailed,
    ModelError,
    ModelUnavailable,
    RequestRefused,
    SchemaUnsupported,
)

__all__ = [
    "FAULTS",
    "check_reply",
    "name_of",
    "reason_in",
    "refusal",
    "retry_after",
    "translated",
    "where_is",
]

FAULTS = (TheirModelError, httpx.HTTPError, OSError)
"""What chat models of others raise when their endpoint fails."""

PASSING = frozenset({408, 409, 425, 429, *range(500, 600)})
NO_CREDIT = re.compile(r"insufficient.quota|billing|out of credit", re.IGNORECASE)
TOO_LONG = re.compile(
    r"context[_ ](?:length|window|size)|maximum (?:model )?length|max_model_len|(?:prompt|input) is too long",
    re.IGNORECASE,
)
SCHEMA = re.compile(
    r"response_format|json_schema|structured.output|guided|grammar|xgrammar|schema", re.IGNORECASE
)
# A unit of at most 60 characters said at least ten times over, up to the very end.
REPETITION = re.compile(r"(.{1,60}?)\1{9,}\Z", re.DOTALL)
TAIL = 1_200


def refusal(
    where: str,
    status: int,
    reason: str,
    *,
    headers: Mapping[str, str],
    schema: bool,
    models: list[str] | None,
) -> ModelError:
    """The error for an HTTP status.

    Args:
        where: The model and its endpoint.
        status: The HTTP status.
        reason: What the server said.
        headers: What came with it.
        schema: Whether the request asked for a schema.
        models: For 404: what models the server has, `None` if it does not say.
    """
    said = f"{where} answered {status}: {reason}"
    if status in (413, 400, 422) and TOO_LONG.search(reason):
        return ContextOverflow(said, fix="send less evidence, or ask for fewer tokens")
    if status == 429 and NO_CREDIT.search(reason):
        return ModelError(said, fix="the account needs credit; trying again does not help")
    if status in PASSING:
        fix = "lower the concurrency, or try again later" if status == 429 else "look at the server's log"
        return ModelUnavailable(said, fix=fix, retry_after=retry_after(headers))
    if status in (401, 403):
        return ModelError(said, fix="the API key is missing, wrong or expired: set KEDGE_API_KEY")
    if status == 407:
        return ModelError(said, fix="the HTTP proxy wants a password: put it into the proxy's URL")
    if 300 <= status < 400:
        return ModelError(f"{where} redirects to {headers.get('Location', 'nowhere')}", fix="use that URL")
    if status == 404:
        return ModelError(said, fix=_what_is_there(models))
    if status in (400, 422) and schema and SCHEMA.search(reason):
        return SchemaUnsupported(said, fix="use a server with structured outputs, such as vLLM")
    kind = RequestRefused if status in (400, 422) else ModelError
    return kind(said, fix="the server does not accept this request")


def _what_is_there(models: list[str] | None) -> str:
    if models is None:
        return "check the URL; it usually ends in /v1"
    return f"the server has these models: {', '.join(models[:10]) or 'none'}"


def reason_in(body: str) -> str:
    """What a server says in the body of an error, on one short line.

    Example:
        >>> reason_in('{"error": {"message": "no such\\\\nmodel", "code": 404}}')
        'no such model'
    """
    try:
        said = json.loads(body)
    except ValueError:
        said = re.sub(r"<[^>]*>", " ", body)
    for name in ("error", "message", "detail"):
        if isinstance(said, Mapping) and said.get(name):
            said = said[name]
    return " ".join(str(said).split())[:300] or "nothing"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: the header holds a number or a date.

    Example:
        >>> retry_after({"Retry-After": "2.5"})
        2.5
    """
    value = headers.get("Retry-After", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def check_reply(where: str, text: str, *, thought: bool, calls: bool, finish: str | None) -> None:
    """Refuse a reply that nobody can use.

    Raises:
        DecisionFailed: it is empty, or repeats itself until it was cut off.
    """
    if finish == "length" and (found := REPETITION.search(text[-TAIL:])):
        unit = " ".join(found[1].split()) or "blanks"
        raise DecisionFailed(
            f"{where} repeats itself without end: {unit[:40]!r}", fix="another temperature, seed or prompt"
        )
    if text.strip() or calls:
        return
    if thought:
        raise DecisionFailed(
            f"{where} used up its tokens thinking", fix="allow more tokens, or turn its thinking off"
        )
    raise DecisionFailed(
        f"{where} answered with nothing", fix="allow more tokens, or look at the server's log"
    )


def name_of(model: Any) -> str:
    """What the endpoint calls a model."""
    return str(getattr(model, "model_name", None) or getattr(model, "model", None) or model._llm_type)


def where_is(model: Any) -> str:
    """How messages name a model."""
    url = getattr(model, "openai_api_base", None)
    return f"the model {name_of(model)} at {url}" if url else f"the model {name_of(model)}"


def translated(error: Exception, where: str) -> ModelError:
    """The error for what another's chat model raised, which is one of `FAULTS`."""
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(error, ContextOverflowError):
        return ContextOverflow(f"{where}: {reason}", fix="send less evidence, or ask for fewer tokens")
    if isinstance(status, int):
        headers = {name.title(): value for name, value in getattr(response, "headers", {}).items()}
        return refusal(where, status, reason, headers=headers, schema=True, models=None)
    passing = isinstance(error, ModelConnectionError | ModelTimeoutError | httpx.TransportError | OSError)
    if passing or getattr(error, "is_retryable", False):
        return ModelUnavailable(f"{where} does not answer: {reason}", fix="check that it runs, and its URL")
    return ModelError(f"{where} failed: {reason}", fix="look at what it was asked")
