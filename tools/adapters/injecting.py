"""Adapters into a vLLM that is running: loaded when they are needed, used again, and evicted within limits.

vLLM takes one adapter per request, by the name of a model; requests with different adapters share a batch. It
has to run on a machine that sees the store's folder, with `VLLM_ALLOW_RUNTIME_LORA_UPDATING` (as
`kedge serve vllm` starts it).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from kedge.errors import AdapterError, ModelError, ModelUnavailable
from kedge.tools.adapters.adapter import read_adapter
from kedge.tools.adapters.merging import Merge
from kedge.tools.adapters.recipe import base_of
from kedge.tools.adapters.store import KEY, AdapterStore
from kedge.tools.models import LoraLimits

__all__ = ["Adapters", "Injector"]

T = TypeVar("T")

REQUEST = 30.0  # seconds for a request that computes nothing


@dataclass(frozen=True, slots=True)
class Adapters:
    """Where adapters are kept, the server they go to, and how several become one of at most this rank.

    PRAG takes their sum, which drowned what the passages say where it was measured; the mean does not
    (benchmarks/laboratory/RESULTS.md).
    """

    store: AdapterStore
    injector: Injector
    how: Merge = "mean"
    rank: int | None = None


class Injector:
    """Gives a server the adapters that questions need, at most as many at once as it takes.

    Adapters in use are never evicted: who finds all places taken waits. What other processes load there is
    seen, and counts.

    Args:
        url: The server's URL for clients, which ends in `/v1`.
        limits: What adapters the server was started for.
        api_key: Sent as a bearer token.

    Example:
        >>> async def ask(store, key, client, question):
        ...     injector = Injector("http://127.0.0.1:8000/v1")
        ...     return await injector.ask(store, key, lambda name: client.ainvoke(question, model=name))
    """

    def __init__(self, url: str, *, limits: LoraLimits | None = None, api_key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.limits = limits or LoraLimits()
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._loaded: dict[str, None] = {}  # the least recently used first
        self._looked = False
        self._pins: Counter[str] = Counter()
        self._turn = asyncio.Condition()
        self._base: str | None = None

    async def base(self) -> str:
        """Names the base model that the server has (see `base_of`).

        Raises:
            AdapterError: it is not on this machine, so that nobody knows whether adapters fit.
            ModelError: the server cannot be reached.
        """
        if self._base is None:
            cards = await self._cards()
            roots = [str(card["root"]) for card in cards if card.get("root") and not card.get("parent")]
            if not roots:
                raise ModelError(f"{self.url} does not say which model it has", fix="use a vLLM server")
            self._base = await asyncio.to_thread(base_of, roots[0])
        return self._base

    async def ask(self, store: AdapterStore, key: str, how: Callable[[str], Awaitable[T]]) -> T:
        """What `how` returns for the name of a model that has this adapter.

        A server that was started again has lost its adapters: it is given this one again, and asked again.

        Raises:
            AdapterError: as `using`.
            ModelError: the server cannot be reached, or as `how`.
        """
        try:
            async with self.using(store, key) as name:
                return await how(name)
        except ModelError:
            async with self._turn:
                await self._look()
            if key in self._loaded:
                raise
        async with self.using(store, key) as name:
            return await how(name)

    @asynccontextmanager
    async def using(self, store: AdapterStore, key: str) -> AsyncIterator[str]:
        """The name of a model that has this adapter, which stays loaded meanwhile.

        Raises:
            AdapterError: it is broken or belongs to another base model, its rank is too high for the
                server, or all places are taken by adapters that are not Kedge's.
            ModelError: the server refuses it or cannot be reached.
        """
        async with self._turn:
            await self._place(store, key)
            self._pins[key] += 1
        try:
            yield key
        finally:
            async with self._turn:
                self._pins[key] -= 1
                if not self._pins[key]:
                    del self._pins[key]
                self._turn.notify_all()

    async def _place(self, store: AdapterStore, key: str) -> None:
        """Load it if it is not, after another one was evicted if that has to be."""
        loaded = self._loaded
        if not self._looked:
            await self._look()
        while key not in loaded:
            if len(loaded) < self.limits.adapters:
                await self._check(store, key)
                await self._post("load_lora_adapter", key, lora_path=str(store.folder(key).absolute()))
                break
            ours = [name for name in loaded if KEY.fullmatch(name)]
            if not ours:
                raise AdapterError(
                    f"{self.url} has {len(loaded)} adapters that are not Kedge's, which is the limit",
                    fix="unload one of them",
                )
            free = next((name for name in ours if not self._pins[name]), None)
            if free is None:
                await self._turn.wait()
            else:
                await self._post("unload_lora_adapter", free)
                loaded.pop(free, None)
        loaded.pop(key, None)
        loaded[key] = None  # the most recently used is last

    async def _check(self, store: AdapterStore, key: str) -> None:
        """Refuse what the server would choke on, or what would make nonsense of its model."""
        adapter = await asyncio.to_thread(read_adapter, store.folder(key))
        if adapter.origin.key != key:
            raise AdapterError(f"the adapter {key} holds another one", fix="remove it and encode it again")
        if adapter.rank > self.limits.rank:
            raise AdapterError(
                f"the adapter {key} has rank {adapter.rank}, {self.url} takes {self.limits.rank}",
                fix="merge with a lower rank, or start the server with a higher --lora-rank",
            )
        if adapter.origin.base != await self.base():
            raise AdapterError(
                f"the adapter {key} belongs to another model than {self.url} has",
                fix="encode the documents with the model that is served",
            )

    # Talking to the server

    async def _look(self) -> None:
        """See which adapters the server has; the order of use is kept as far as it is known."""
        there = [str(card["id"]) for card in await self._cards() if card.get("parent")]
        known = [name for name in self._loaded if name in there]
        self._loaded.clear()
        self._loaded.update(dict.fromkeys([*(name for name in there if name not in known), *known]))
        self._looked = True

    async def _cards(self) -> list[dict[str, Any]]:
        reply = await self._request("GET", "models")
        try:
            return [dict(card) for card in reply.json()["data"]]
        except (ValueError, KeyError, TypeError):
            raise ModelError(f"{self.url} does not list its models", fix="use a vLLM server") from None

    async def _post(self, what: str, name: str, **more: str) -> None:
        reply = await self._request("POST", what, {"lora_name": name} | more)
        # Somebody else was first, or the server was started again: either way it is as it should be.
        settled = {"load_lora_adapter": "already been loaded", "unload_lora_adapter": "cannot be found"}
        if not reply.is_success and settled[what] not in reply.text:
            said = " ".join(reply.text.split())[:300]
            raise ModelError(
                f"{self.url} answered {reply.status_code} to {what} for {name}: {said}",
                fix="start it with runtime LoRA: kedge serve vllm",
            )

    async def _request(self, method: str, path: str, body: Mapping[str, str] | None = None) -> httpx.Response:
        # Reading certificates takes longer than the request: plain HTTP does without.
        verify = True if self.url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            async with httpx.AsyncClient(
                headers=self._headers, timeout=REQUEST, trust_env=False, verify=verify
            ) as client:
                return await client.request(method, f"{self.url}/{path}", json=body)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise ModelUnavailable(f"{self.url} cannot be reached: {why}", fix="start the server") from error
