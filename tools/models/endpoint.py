"""One OpenAI-compatible endpoint as a chat model, with a lean way out.

`ChatOpenAI` knows how messages, tools and schemas are put into requests and read from replies. Its own client
takes about 2 ms of CPU for each call, which is more than a fast server needs to answer; here the requests go
out through aiohttp, at a tenth of that.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr, model_validator

from kedge.errors import InputError, ModelError, ModelUnavailable
from kedge.tools.models.faults import reason_in, refusal
from kedge.tools.models.sessions import open_session
from kedge.tools.waiting import iterate, wait

__all__ = ["Endpoint"]

JSON = Mapping[str, Any]
HERE = ("localhost", "127.0.0.1", "::1")


class Endpoint(ChatOpenAI):
    """A chat model at an OpenAI-compatible URL. Nothing is retried, limited or remembered here.

    All options of `ChatOpenAI` work that concern requests; those of its HTTP client do not. Beyond it,
    thoughts that a server sends apart come as `additional_kwargs["reasoning_content"]`. HTTP proxies are
    taken from the environment, except for servers on this machine. Half surrogate pairs, which UTF-8 cannot
    say, are sent and received as U+FFFD.

    Args:
        base_url: For example `http://127.0.0.1:8000/v1`.
        model: The name that the server knows the model by.
        api_key: Sent as a bearer token.
        timeout: Seconds until a reply has to be complete; for a stream, until its next part.

    Raises:
        InputError: when `base_url` is not the URL of a server.
        ModelError: by every call, naming the endpoint and what to do; `ModelUnavailable` where it may pass.

    Example:
        >>> Endpoint(base_url="http://127.0.0.1:8000/v1", model="qwen").where
        'the model qwen at http://127.0.0.1:8000/v1'
    """

    request_timeout: float = Field(default=120.0, alias="timeout", gt=0)
    stream_usage: bool | None = True
    use_responses_api: bool | None = False
    _proxy: str | None = None

    @model_validator(mode="after")
    def validate_environment(self) -> Self:
        """Takes the place of the parent's, which makes HTTP clients and reads the environment."""
        url = urlsplit(self.openai_api_base or "")
        if url.scheme not in ("http", "https") or not url.hostname:
            raise InputError(
                f"{self.openai_api_base!r} is not the URL of a server", fix="use http://host:port/v1"
            )
        self.openai_api_base = url.geturl().rstrip("/")
        self._proxy = self.openai_proxy or _proxy(url.scheme, url.hostname)
        return self

    def _resolve_model_profile(self) -> None:
        """Names of local models say nothing about them."""

    @property
    def where(self) -> str:
        """How messages name this model."""
        return f"the model {self.model_name} at {self.openai_api_base}"

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        if isinstance(wanted := payload.get("response_format"), type):
            function = convert_to_openai_function(wanted, strict=True)
            schema = {"name": function["name"], "schema": function["parameters"], "strict": True}
            payload["response_format"] = {"type": "json_schema", "json_schema": schema}
        return payload

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return wait(self._agenerate(messages, stop, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        async with self._posted(payload, aiohttp.ClientTimeout(self.request_timeout)) as response:
            reply = self._object(await response.read())
        try:
            result = self._create_chat_result(reply)
            [message] = [generation.message for generation in result.generations[:1]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._no_completion(reply) from error
        if thought := _thoughts(reply["choices"][0]["message"]):
            message.additional_kwargs["reasoning_content"] = thought
        if "response_format" in payload and isinstance(message, AIMessage):
            _parse(message)
        return result

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        kwargs.pop("run_manager", None)
        return iterate(lambda: self._astream(*args, **kwargs))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        options = {**kwargs, "stream": True, "stream_options": {"include_usage": True}}
        payload = self._get_request_payload(messages, stop=stop, **options)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=self.request_timeout)
        finished = False
        async with self._posted(payload, timeout) as response:
            async for event in self._events(response):
                finished = finished or any(choice.get("finish_reason") for choice in event["choices"])
                chunk = self._chunk(event)
                if chunk is not None:
                    yield chunk
        if not finished:
            raise ModelUnavailable(f"{self.where} broke off its reply", fix="look at the server's log")

    def _chunk(self, event: JSON) -> ChatGenerationChunk | None:
        try:
            chunk = self._convert_chunk_to_generation_chunk(dict(event), AIMessageChunk, {})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._no_completion(event) from error
        if chunk is not None and event["choices"] and (thought := _thoughts(event["choices"][0]["delta"])):
            chunk.message.additional_kwargs["reasoning_content"] = thought
        return chunk

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[JSON]:
        async for line in response.content:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            event = self._object(data)
            if not isinstance(event.get("choices"), list):
                raise self._no_completion(event)
            yield event

    @asynccontextmanager
    async def _posted(
        self, payload: JSON, patience: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to a request, once its status is fine."""
        body = {key: value for key, value in payload.items() if key not in ("extra_body", "extra_headers")}
        body |= payload.get("extra_body") or {}
        url = f"{self.openai_api_base}/chat/completions"
        headers = {
            **self._headers(),
            **(payload.get("extra_headers") or {}),
            "Content-Type": "application/json",
        }
        try:
            session = await open_session()
            async with session.post(
                url,
                data=_json(body),
                headers=headers,
                timeout=patience,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise await self._refusal(response, body)
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error

    def _headers(self) -> dict[str, str]:
        key = self.openai_api_key
        sent = {"Authorization": f"Bearer {key.get_secret_value()}"} if isinstance(key, SecretStr) else {}
        return {**sent, **(self.default_headers or {})}

    async def _refusal(self, response: aiohttp.ClientResponse, body: JSON) -> ModelError:
        reason = reason_in((await response.read()).decode("utf-8", "replace"))
        models = await self.served_models() if response.status == 404 else None
        schema = "response_format" in body or "structured_outputs" in body
        return refusal(
            self.where, response.status, reason, headers=response.headers, schema=schema, models=models
        )

    async def served_models(self) -> list[str] | None:
        """The names of the models at this URL, adapters left out; `None` when it does not tell."""
        session = await open_session()
        timeout = aiohttp.ClientTimeout(10)
        try:
            async with session.get(
                f"{self.openai_api_base}/models", headers=self._headers(), timeout=timeout, proxy=self._proxy
            ) as response:
                # vLLM names the model that a LoRA adapter is for.
                return [row["id"] for row in (await response.json())["data"] if not row.get("parent")]
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
            return None

    def _object(self, data: bytes) -> dict[str, Any]:
        """A JSON object, its texts fit for UTF-8."""
        try:
            value = json.loads(data)
            json_text = None if b"\\ud" not in data.lower() else json.dumps(value, ensure_ascii=False)
            if json_text is not None:
                value = json.loads(_sound(json_text))
        except ValueError as error:
            said = " ".join(data[:80].decode("utf-8", "replace").split())
            raise ModelError(
                f"{self.where} answered with something other than JSON: {said!r}",
                fix="check the URL; it usually ends in /v1",
            ) from error
        if not isinstance(value, dict):
            raise self._no_completion(value)
        return value

    def _no_completion(self, value: object) -> ModelError:
        reason = reason_in(json.dumps(value))
        return ModelError(
            f"{self.where} answered with something other than a completion: {reason}",
            fix="check that the server is OpenAI-compatible",
        )

    def _unreachable(self, error: Exception) -> ModelError:
        said = str(error) or type(error).__name__
        match error:
            case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
                return ModelUnavailable(
                    f"{self.where} cannot be reached through the HTTP proxy: {said}",
                    fix="check http_proxy and https_proxy, or name the host in no_proxy",
                )
            case aiohttp.ClientConnectorDNSError():
                return ModelError(f"{self.where}: no such host: {said}", fix="check the URL")
            case aiohttp.ClientSSLError() | ssl.SSLError():
                return ModelError(f"{self.where}: {said}", fix="check the certificate, and http or https")
            case aiohttp.ClientConnectorError():
                return ModelUnavailable(
                    f"{self.where} is not there: {said}",
                    fix="start the server, or check the URL",
                    absent=True,
                )
            case TimeoutError():
                return ModelUnavailable(
                    f"{self.where} took more than {self.request_timeout:g} s",
                    fix="allow more time, or fewer calls at once",
                )
            case _:
                return ModelUnavailable(
                    f"{self.where} broke the connection: {said}", fix="look at the server's log"
                )


def _thoughts(message: JSON) -> str | None:
    return message.get("reasoning_content") or message.get("reasoning")


def _parse(message: AIMessage) -> None:
    """What `with_structured_output` looks for; text that does not parse is left for it to complain about."""
    try:
        message.additional_kwargs["parsed"] = json.loads(str(message.content), strict=False)
    except ValueError:
        return


def _json(body: JSON) -> bytes:
    return _sound(json.dumps(body, ensure_ascii=False)).encode()


def _sound(text: str) -> str:
    """Half surrogate pairs replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names; it is of no use for what runs on this machine."""
    if host in HERE or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")
