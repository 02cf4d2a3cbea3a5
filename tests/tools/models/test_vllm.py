"""The real vLLM on the CPU, with a tiny model, through Kedge's server: what the rest of Kedge relies on."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import psutil
import pytest
from openai.types.chat import ChatCompletion
from safetensors.numpy import save_file

from kedge.errors import ModelError
from kedge.tools.encoders import RemoteEncoder
from kedge.tools.models import ServerEvent, VllmOptions, VllmServer

SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["yes", "no", "unclear"]},
        "score": {"type": "integer", "minimum": 0, "maximum": 9},
        "code": {"type": "string", "pattern": "^[a-z]{3}$"},
    },
    "required": ["verdict", "score", "code"],
    "additionalProperties": False,
}


class Client:
    """Asks the served model; greedy, as everything here is compared exactly."""

    def __init__(self, server: VllmServer, client: openai.AsyncOpenAI) -> None:
        self.server = server
        self.openai = client

    async def chat(self, text: str, **options: Any) -> ChatCompletion:
        said: Any = {"model": self.server.name, "temperature": 0, "max_tokens": 12} | options
        return await self.openai.chat.completions.create(messages=[{"role": "user", "content": text}], **said)

    async def say(self, text: str, **options: Any) -> str:
        reply = await self.chat(text, **options)
        return reply.choices[0].message.content or ""


@pytest.fixture
async def client(vllm_server: VllmServer) -> AsyncIterator[Client]:
    async with openai.AsyncOpenAI(base_url=vllm_server.url, api_key="none", max_retries=0) as connection:
        yield Client(vllm_server, connection)


async def test_chat(client: Client) -> None:
    first, again = [await client.chat("Where does the river begin?") for _ in range(2)]
    assert first.choices[0].message.content == again.choices[0].message.content != ""
    assert first.choices[0].finish_reason == "length"
    assert first.usage is not None
    assert first.usage.completion_tokens == 12


async def test_streaming_says_the_same_piece_by_piece(client: Client) -> None:
    pieces, usage = [], None
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    stream: Any = await client.chat("Who keeps the lighthouse?", **options)
    async for chunk in stream:
        usage = chunk.usage or usage
        pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
    assert len(pieces) > 1
    assert "".join(pieces) == await client.say("Who keeps the lighthouse?")
    assert usage.completion_tokens == 12


async def test_an_answer_by_schema(client: Client) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "judgement", "schema": SCHEMA, "strict": True}}
    replies = [
        json.loads(await client.say(text, response_format=form, max_tokens=80, temperature=1, seed=7))
        for text in ("one", "two", "three")
    ]
    for reply in replies:
        assert set(reply) == set(SCHEMA["required"])
        assert reply["verdict"] in ("yes", "no", "unclear")
        assert 0 <= reply["score"] <= 9
        assert re.fullmatch("[a-z]{3}", reply["code"])


@pytest.mark.parametrize(
    ("constraint", "pattern"),
    [
        ({"choice": ["supported", "refuted"]}, "supported|refuted"),
        ({"regex": "[0-9]{4}-[A-F]"}, r"\d{4}-[A-F]"),
    ],
)
async def test_an_answer_by_choice_or_pattern(
    client: Client, constraint: dict[str, Any], pattern: str
) -> None:
    said = await client.say("Which?", extra_body={"structured_outputs": constraint})
    assert re.fullmatch(pattern, said)


async def test_log_probabilities(client: Client) -> None:
    reply = await client.chat("Which grade?", logprobs=True, top_logprobs=5, max_tokens=3)
    assert reply.choices[0].logprobs is not None
    tokens = reply.choices[0].logprobs.content or []
    assert len(tokens) == 3
    for token in tokens:
        likely = [candidate.logprob for candidate in token.top_logprobs]
        assert likely == sorted(likely, reverse=True)
        assert token.logprob == likely[0], "greedy takes the likeliest"
        assert 0 < sum(map(math.exp, likely)) < 1


async def test_a_shared_prefix_is_computed_once(client: Client) -> None:
    async def hits() -> float:
        async with httpx.AsyncClient(trust_env=False) as plain:
            metrics = (await plain.get(f"{client.server.url.removesuffix('/v1')}/metrics")).text
        found = re.search(r"^vllm:prefix_cache_hits_total\{.*\} (\S+)$", metrics, re.MULTILINE)
        assert found, "vLLM has renamed its counter"
        return float(found[1])

    stable = "These are the rules that every request begins with. " * 8
    before = await hits()
    cached = []
    for question in ("First?", "Second?"):
        reply = await client.chat(stable + question, max_tokens=1)
        assert reply.usage is not None
        assert reply.usage.prompt_tokens_details is not None
        cached.append(reply.usage.prompt_tokens_details.cached_tokens or 0)
    assert cached[0] == 0
    assert cached[1] >= 32
    assert await hits() - before == cached[1]


async def test_concurrent_requests_answer_as_alone(client: Client) -> None:
    texts = [f"Question {number}: who was keeper in {1850 + number}?" for number in range(32)]
    together = await asyncio.gather(*map(client.say, texts))
    assert together == [await client.say(text) for text in texts]
    assert len(set(together)) > 1


async def test_reasoning_can_be_switched_off(client: Client) -> None:
    template = {"chat_template_kwargs": {"enable_thinking": False}}
    free, thinking = await client.chat("Well?", extra_body=template), await client.chat("Well?")
    assert free.usage is not None
    assert thinking.usage is not None
    assert free.usage.prompt_tokens > thinking.usage.prompt_tokens


async def test_what_vllm_refuses(client: Client) -> None:
    with pytest.raises(openai.NotFoundError, match="nonesuch"):
        await client.chat("Hello", model="nonesuch")
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        await client.chat("too long " * 2000)


def make_adapter(folder: Path, seed: int, rank: int = 4) -> Path:
    """A LoRA adapter for the tiny model, large enough to change what it says."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 8 * rank}
    (folder / "adapter_config.json").write_text(
        json.dumps({**config, "target_modules": ["v_proj", "o_proj"]})
    )
    at = "base_model.model.model.layers.{}.self_attn.{}.lora_{}.weight"
    save_file(
        {
            at.format(layer, name, side): random.standard_normal(
                (rank, inputs) if side == "A" else (outputs, rank)
            ).astype(np.float32)
            for layer in range(2)
            for name, inputs, outputs in (("v_proj", 64, 32), ("o_proj", 64, 64))
            for side in "AB"
        },
        folder / "adapter_model.safetensors",
    )
    return folder


async def test_adapters_come_and_go(client: Client, tmp_path: Path) -> None:
    server, question = client.server, "What is in the letter?"
    base = await client.say(question)
    for number in (1, 2):
        await server.load_adapter(f"letter-{number}", make_adapter(tmp_path / str(number), number))
    try:
        models = [server.name, "letter-1", "letter-2"]
        alone = [await client.say(question, model=model) for model in models]
        assert len(set(alone)) == 3
        assert alone[0] == base
        mixed = await asyncio.gather(*(client.say(question, model=model) for model in models * 4))
        assert mixed == alone * 4
    finally:
        for number in (1, 2):
            await server.unload_adapter(f"letter-{number}")
    assert await client.say(question) == base
    with pytest.raises(openai.NotFoundError):
        await client.say(question, model="letter-1")


async def test_adapters_that_vllm_refuses(client: Client, tmp_path: Path) -> None:
    server = client.server
    with pytest.raises(ModelError, match="nonesuch"):
        await server.unload_adapter("nonesuch")
    with pytest.raises(ModelError, match="rank"):
        await server.load_adapter("large", make_adapter(tmp_path / "large", 1, rank=16))
    broken = make_adapter(tmp_path / "broken", 1)
    (broken / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError):
        await server.load_adapter("broken", broken)
    assert not server.adapters
    assert await client.say("Still there?")


def started_by(server: VllmServer) -> list[psutil.Process]:
    assert server._process is not None
    return psutil.Process(server._process.pid).children(recursive=True)


async def test_a_served_encoder_survives_the_death_of_its_server(
    vllm_environment: Path, tiny_model: Path, tmp_path: Path
) -> None:
    events: list[ServerEvent] = []
    options = VllmOptions(
        str(tiny_model),
        vllm=vllm_environment,
        context=512,
        kv_gib=0.1,
        threads=1,
        dtype="float32",
        lora=None,
        flags=("--runner", "pooling"),
        cache=vllm_environment / "cache",
    )
    texts = [f"The keeper of {1000 + number} wrote down who came." for number in range(400)]
    async with VllmServer(options, tmp_path / "log", on_event=events.append, restarts=1) as server:
        encoder = RemoteEncoder(server.url, server.name, batch=1, concurrency=2, retries=9, backoff=0.2)
        before = await encoder.encode(texts)
        processes = started_by(server)
        assert any("EngineCore" in process.name() for process in processes)
        run = asyncio.create_task(encoder.encode(texts))
        await asyncio.sleep(0.2)
        assert not run.done()
        processes[0].kill()
        np.testing.assert_array_equal(await run, before)
        await server.ready()
        kinds = [event.kind for event in events if event.kind != "loading"]
        assert kinds == ["starting", "ready", "died", "starting", "ready"]
        processes = started_by(server)
        assert processes
    _, left = psutil.wait_procs(processes, timeout=10)
    assert not left
