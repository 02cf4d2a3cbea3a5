"""Adapters into a running vLLM, the real one: loaded, used again, evicted, and never mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest

from kedge.errors import AdapterError, ModelError, ModelUnavailable
from kedge.testing import StubServer, make_tiny_model
from kedge.tools.adapters import AdapterStore, Injector, base_of
from kedge.tools.models import LoraLimits, VllmServer
from tests.tools.adapters._made import fitting

QUESTION = "Who built the lighthouse?"


class Server:
    """The real vLLM, asked with adapters."""

    def __init__(self, server: VllmServer, client: openai.AsyncOpenAI, store: AdapterStore) -> None:
        self.server, self.client, self.store = server, client, store
        self.model = Path(server.options.model)

    def injector(self, *, rank: int = 8, adapters: int = 60) -> Injector:
        return Injector(self.server.url, limits=LoraLimits(rank=rank, adapters=adapters))

    async def say(self, model: str) -> str:
        try:
            reply = await self.client.completions.create(
                model=model, prompt=QUESTION, max_tokens=8, temperature=0
            )
        except openai.NotFoundError as error:
            raise ModelError(str(error)) from error
        return reply.choices[0].text

    async def loaded(self) -> set[str]:
        return {model.id async for model in self.client.models.list()} - {self.server.name}


@pytest.fixture
async def vllm(vllm_server: VllmServer, tmp_path: Path) -> AsyncIterator[Server]:
    async with openai.AsyncOpenAI(base_url=vllm_server.url, api_key="none", max_retries=0) as client:
        server = Server(vllm_server, client, AdapterStore(tmp_path / "adapters"))
        for name in await server.loaded():  # by tests of other files, which share the server
            await vllm_server.unload_adapter(name)
        yield server
        for name in await server.loaded():
            await vllm_server.unload_adapter(name)


async def test_an_adapter_is_loaded_once_and_used_again(vllm: Server) -> None:
    key = vllm.store.put(fitting(vllm.model, 1))
    injector = vllm.injector()
    before = await vllm.say(vllm.server.name)
    first = await injector.ask(vllm.store, key, vllm.say)
    assert first != before, "the adapter changes what is said"
    assert await vllm.loaded() == {key}
    assert await injector.ask(vllm.store, key, vllm.say) == first
    assert await vllm.injector().ask(vllm.store, key, vllm.say) == first, "another process finds it there"
    assert await vllm.say(vllm.server.name) == before, "the base model is as before"


async def test_the_least_recently_used_makes_room(vllm: Server) -> None:
    keys = [vllm.store.put(fitting(vllm.model, seed)) for seed in range(3)]
    injector = vllm.injector(adapters=2)
    for key in (keys[0], keys[1], keys[0], keys[2]):
        await injector.ask(vllm.store, key, vllm.say)
    assert await vllm.loaded() == {keys[0], keys[2]}


async def test_whoever_finds_all_places_in_use_waits(vllm: Server) -> None:
    keys = [vllm.store.put(fitting(vllm.model, seed)) for seed in range(2)]
    injector = vllm.injector(adapters=1)
    async with injector.using(vllm.store, keys[0]):
        waiting = asyncio.create_task(injector.ask(vllm.store, keys[1], vllm.say))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        assert await vllm.loaded() == {keys[0]}
    await waiting
    assert await vllm.loaded() == {keys[1]}


async def test_questions_with_different_adapters_never_mix(vllm: Server) -> None:
    keys = [vllm.store.put(fitting(vllm.model, seed)) for seed in range(8)]
    injector = vllm.injector(adapters=8)
    alone = [await injector.ask(vllm.store, key, vllm.say) for key in keys]
    base = await vllm.say(vllm.server.name)
    assert len({*alone, base}) == 9
    mixed = [injector.ask(vllm.store, key, vllm.say) for key in keys for _ in range(3)]
    plain = [vllm.say(vllm.server.name) for _ in range(8)]
    said = await asyncio.gather(*mixed, *plain)
    assert said == [text for text in alone for _ in range(3)] + [base] * 8


async def test_more_adapters_than_places_still_answer_rightly(vllm: Server) -> None:
    keys = [vllm.store.put(fitting(vllm.model, seed)) for seed in range(6)]
    roomy, narrow = vllm.injector(), vllm.injector(adapters=2)
    alone = [await roomy.ask(vllm.store, key, vllm.say) for key in keys]
    for key in keys:
        await vllm.server.unload_adapter(key)
    assert await asyncio.gather(*(narrow.ask(vllm.store, key, vllm.say) for key in keys)) == alone
    assert len(await vllm.loaded()) <= 2


async def test_a_server_that_lost_its_adapters_is_given_them_again(vllm: Server) -> None:
    key = vllm.store.put(fitting(vllm.model, 1))
    injector = vllm.injector()
    said = await injector.ask(vllm.store, key, vllm.say)
    await vllm.server.unload_adapter(key)  # as another process might
    assert await injector.ask(vllm.store, key, vllm.say) == said


async def test_a_server_that_was_started_again(vllm: Server) -> None:
    key = vllm.store.put(fitting(vllm.model, 1))
    injector = vllm.injector()
    said = await injector.ask(vllm.store, key, vllm.say)
    await vllm.server.restart()
    assert await vllm.loaded() == set()
    assert await injector.ask(vllm.store, key, vllm.say) == said


async def test_a_failure_that_is_not_the_adapters_is_told(vllm: Server) -> None:
    key = vllm.store.put(fitting(vllm.model, 1))

    async def fail(_: str) -> None:
        raise ModelError("no")

    with pytest.raises(ModelError, match="no"):
        await vllm.injector().ask(vllm.store, key, fail)


async def test_what_does_not_fit_the_server_is_refused(vllm: Server, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "other", seed=1)
    foreign, high = vllm.store.put(fitting(other, 1)), vllm.store.put(fitting(vllm.model, 2, rank=9))
    broken = vllm.store.put(fitting(vllm.model, 3))
    (vllm.store.folder(broken) / "adapter_model.safetensors").write_bytes(b"\0" * 64)
    for key, message in (
        (foreign, "belongs to another model"),
        (high, "has rank 9, .* takes 8"),
        (broken, "cannot be read"),
        ("0" * 24, "no adapter at"),
        ("../secret", "is not the key"),
    ):
        with pytest.raises(AdapterError, match=message):
            await vllm.injector().ask(vllm.store, key, vllm.say)
    assert await vllm.loaded() == set()


async def test_a_limit_that_the_server_does_not_share_is_told(vllm: Server) -> None:
    key = vllm.store.put(fitting(vllm.model, 1, rank=9))  # the server takes 8
    with pytest.raises(ModelError, match="to load_lora_adapter"):
        await vllm.injector(rank=64).ask(vllm.store, key, vllm.say)


async def test_places_taken_by_others_are_not_ours_to_free(vllm: Server) -> None:
    one, two = (vllm.store.put(fitting(vllm.model, seed)) for seed in range(2))
    await vllm.server.load_adapter("theirs", vllm.store.folder(one))
    with pytest.raises(AdapterError, match="not Kedge's"):
        await vllm.injector(adapters=1).ask(vllm.store, two, vllm.say)


async def test_the_base_model_is_the_one_that_is_served(vllm: Server) -> None:
    assert await vllm.injector().base() == base_of(vllm.model)


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await Injector("http://127.0.0.1:9/v1").base()


async def test_a_server_that_is_no_vllm() -> None:
    async with StubServer([]) as server:
        with pytest.raises(ModelError, match="does not say which model"):
            await Injector(server.url).base()
