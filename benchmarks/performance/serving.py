"""How fast our client gets answers from a real vLLM, beside vLLM's own benchmark client."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from kedge.benchmarks.performance.processes import PYTHON, environment, run
from kedge.errors import ModelError
from kedge.tools.models import VllmOptions, VllmServer, connect, find_vllm
from kedge.tools.models.vllm_server import LAUNCH

__all__ = ["Rates", "request_rates"]

MAKE_MODEL = "import sys; from kedge.testing import make_tiny_model; make_tiny_model(sys.argv[1])"
REQUESTS, CONCURRENCY, TOKENS = 400, 32, 32
ROUNDS = 3


class Rates(NamedTuple):
    """Requests per second in each round: of our client with whole and streamed replies, and of vLLM's."""

    whole: list[float]
    streamed: list[float]
    theirs: list[float]


async def request_rates(
    folder: Path, queries: Sequence[str], home: Path, vllm: Path | None = None
) -> Rates | None:
    """Requests per second of our client and of `vllm bench serve`, round by round in turns.

    All send the same prompts to one server, which serves a tiny model on the CPU, and ask for `TOKENS`
    tokens, `CONCURRENCY` requests at a time. vLLM's client has its replies streamed; casts ask for whole
    ones. `None` when vLLM for the CPU is not installed.
    """
    try:
        installed = find_vllm(vllm)
    except ModelError:
        return None
    if not installed.cpu:
        return None
    model = str(folder / "tiny")
    run([PYTHON, "-c", MAKE_MODEL, model], home)
    prompts = [f"{number}. {queries[number % len(queries)]}" for number in range(REQUESTS)]
    options = VllmOptions(model, vllm=installed.python, context=1024, kv_gib=0.25, threads=1, dtype="float32")
    rates = Rates([], [], [])
    async with VllmServer(options, folder / "vllm.log") as server:
        await _ours(server, prompts)  # from here on, every prompt is in the prefix cache
        for _ in range(ROUNDS):
            took = await asyncio.to_thread(_theirs, server, installed.python, prompts, folder, home)
            rates.theirs.append(took)
            rates.whole.append(await _ours(server, prompts))
            rates.streamed.append(await _ours(server, prompts, streamed=True))
    return rates


async def _ours(server: VllmServer, prompts: Sequence[str], *, streamed: bool = False) -> float:
    """Requests per second of the model client."""
    model = connect(
        server.url,
        server.name,
        concurrency=CONCURRENCY,
        max_completion_tokens=TOKENS,
        temperature=1,  # random weights say one word for ever at 0, which the client takes for a fault
        extra_body={"ignore_eos": True},
    )

    async def read(prompt: str) -> None:
        if streamed:
            async for _ in model.astream(prompt):
                pass
        else:
            await model.ainvoke(prompt)

    start = perf_counter()
    await asyncio.gather(*map(read, prompts))
    return len(prompts) / (perf_counter() - start)


def _theirs(server: VllmServer, python: Path, prompts: Sequence[str], folder: Path, home: Path) -> float:
    """Requests per second of vLLM's benchmark client, by its own clock."""
    dataset = folder / "prompts.jsonl"
    dataset.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    command = [str(python), "-c", LAUNCH, "bench", "serve", "--backend", "openai-chat"]
    command += ["--base-url", server.url.removesuffix("/v1"), "--endpoint", "/v1/chat/completions"]
    command += ["--model", server.name, "--tokenizer", server.options.model, "--temperature", "1"]
    command += ["--dataset-name", "custom", "--dataset-path", str(dataset), "--skip-chat-template"]
    command += ["--custom-output-len", str(TOKENS), "--num-prompts", str(len(prompts)), "--ignore-eos"]
    command += ["--max-concurrency", str(CONCURRENCY), "--disable-tqdm", "--disable-shuffle"]
    command += ["--save-result", "--result-dir", str(folder), "--result-filename", "theirs.json"]
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    done = subprocess.run(  # noqa: S603 - our own
        command, env=environment(home) | offline, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"vllm bench serve ended with {done.returncode}:\n{done.stderr[-2000:]}")
    result = json.loads((folder / "theirs.json").read_text())
    if result["completed"] != len(prompts):
        raise RuntimeError(f"vllm bench serve completed {result['completed']} of {len(prompts)} requests")
    return float(result["request_throughput"])
