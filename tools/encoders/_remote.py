"""Encoders behind an OpenAI-compatible `/v1/embeddings` endpoint (vLLM, a hosted service, …)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import numpy as np

from kedge.errors import InputError, ModelError
from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.encoders._text import clipped

__all__ = ["Endpoint", "RemoteEncoder"]

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0
_FIXES = {
    401: "check the API key",
    403: "check the API key",
    404: "check the URL (it usually ends in /v1) and the model's name",
    429: "lower the concurrency, or try again later",
}


class Endpoint:
    """What asks a `/v1/embeddings` endpoint for vectors: `RemoteEncoder` tells its arguments."""

    def __init__(
        self,
        url: str,
        model: str,
        dimension: int | None = None,
        api_key: str | None = None,
        *,
        batch: int = 64,
        concurrency: int = 4,
        retries: int = 4,
        backoff: float = 0.5,
        timeout: float = 60.0,
        max_characters: int = 8_000,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"{url!r} is not the URL of an endpoint", fix="use http://host:port/v1")
        self._endpoint = f"{url.rstrip('/')}/embeddings"
        self._model = model
        self._dimension = dimension
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._batch = batch
        self._concurrency = concurrency
        self._retries = retries
        self._backoff = backoff
        self._timeout = timeout
        self._max_characters = max_characters
        # Made once: reading the certificates takes longer than a short request.
        self._transport_options: dict[str, Any] = (
            {"transport": transport} if transport else {"verify": httpx.create_ssl_context()}
        )

    @property
    def fingerprint(self) -> str:
        """Model name and dimension.

        Raises:
            InputError: as `dimension`.
        """
        return f"{self._model}/{self.dimension}"

    @property
    def dimension(self) -> int:
        """Length of the vectors.

        Raises:
            InputError: when it was not given and nothing has been encoded yet.
        """
        if self._dimension is None:
            raise InputError(
                f"the dimension of {self._model} is not known yet",
                fix="give dimension=, or await probe() first",
            )
        return self._dimension

    async def embed(self, requests: Sequence[tuple[Mapping[str, Any], int]]) -> FloatArray:
        """Unit rows for requests, each with the number of vectors that it asks for; with bounded concurrency.

        Raises:
            ModelError: when the endpoint cannot be reached, refuses, or answers with something unusable.
        """
        slots = asyncio.Semaphore(self._concurrency)
        # A client for each call: its connections belong to one event loop, this object to none.
        async with httpx.AsyncClient(
            headers=self._headers, timeout=self._timeout, **self._transport_options
        ) as client:

            async def one(wanted: Mapping[str, Any], count: int) -> FloatArray:
                async with slots:
                    return self._vectors(await self._post(client, wanted), count)

            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(*request)) for request in requests]
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from None
        return np.concatenate([task.result() for task in tasks])

    async def _post(self, client: httpx.AsyncClient, wanted: Mapping[str, Any]) -> httpx.Response:
        body = {"model": self._model, "encoding_format": "float", **wanted}
        for attempt in range(self._retries + 1):
            pause = self._backoff * 2**attempt
            try:
                response = await client.post(self._endpoint, json=body)
            except httpx.TransportError as error:
                failure = self._error(str(error) or type(error).__name__, "check that the server is running")
            else:
                if response.is_success:
                    return response
                status = response.status_code
                failure = self._error(f"answered {status}: {_reason(response)}", _FIXES.get(status, ""))
                if status not in _PASSING:
                    raise failure
                pause = max(pause, _retry_after(response))
                if pause > _LONGEST_WAIT:
                    raise failure
            if attempt < self._retries:
                await asyncio.sleep(pause)
        raise failure

    def _vectors(self, response: httpx.Response, count: int) -> FloatArray:
        try:
            rows = sorted(response.json()["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise self._error("answered with something other than embeddings", "check the URL") from error
        if vectors.ndim != 2 or len(vectors) != count:
            raise self._error(f"answered with {len(rows)} embeddings for {count} texts", "check the server")
        if self._dimension is None:
            self._dimension = vectors.shape[1]
        if vectors.shape[1] != self._dimension:
            raise self._error(
                f"gives {vectors.shape[1]} numbers a vector instead of {self._dimension}",
                "name the model that the knowledge base was made with",
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(norms).all() and norms.all()):
            raise self._error("answered with a vector that has no direction", "check the server")
        unit: FloatArray = vectors / norms
        return unit

    def _error(self, what: str, fix: str) -> ModelError:
        return ModelError(f"the encoder {self._model} at {self._endpoint}: {what}", fix=fix)


class RemoteEncoder(Endpoint):
    """Sentence vectors from an endpoint. Rows are normalised here, whatever the server sends.

    Batches are sent with bounded concurrency; answers that may pass (429, 5xx, time-outs, refused
    connections) are tried again after a growing pause, or after what `Retry-After` asks for, up to a minute.

    Args:
        url: The base URL, for example `http://127.0.0.1:8000/v1`.
        model: The name that the server knows the model by; it makes the fingerprint, the URL does not.
        dimension: Length of the vectors, if known; otherwise call `probe` before `dimension`.
        api_key: Sent as a bearer token.
        batch: Texts in one request.
        concurrency: Requests in flight for one call of `encode`.
        retries: Further attempts for each request.
        backoff: Seconds before the first of them; doubled each time.
        timeout: Seconds to wait for an answer.
        max_characters: Longer texts are cut: servers refuse what exceeds the model's context.
        transport: Another httpx transport, for tests or proxies.

    Raises:
        InputError: when `url` is not http(s).

    Example:
        >>> encoder = RemoteEncoder("http://127.0.0.1:8000/v1", "bge-m3", dimension=1024)
        >>> encoder.fingerprint
        'bge-m3/1024'
    """

    async def probe(self) -> int:
        """Asks the endpoint for one vector and returns its dimension.

        Raises:
            ModelError: as `encode`.
        """
        await self.encode(["probe"])
        return self.dimension

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`.

        Raises:
            ModelError: when the endpoint cannot be reached, refuses, or answers with something unusable.
        """
        if not texts:
            return np.empty((0, self._dimension or 0), np.float32)
        # Servers refuse the empty string; a blank one has a vector.
        inputs = [clipped(text, self._max_characters) or " " for text in texts]
        batches = [inputs[i : i + self._batch] for i in range(0, len(inputs), self._batch)]
        return await self.embed([({"input": batch}, len(batch)) for batch in batches])


def _reason(response: httpx.Response) -> str:
    """What the server says, on one short line."""
    return " ".join(response.text.split())[:200] or response.reason_phrase


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait: the header holds a number or a date."""
    value = response.headers.get("retry-after", "")
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return 0.0
