from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b

import httpx
import numpy as np
import pytest
from conformance import EncoderConformance

from kedge.errors import InputError, ModelError
from kedge.tools.encoders import Encoder, RemoteEncoder

URL = "http://127.0.0.1:1/v1"
Handler = Callable[[httpx.Request], httpx.Response]


def embedding(text: str) -> list[float]:
    seed = int.from_bytes(blake2b(text.encode(), digest_size=4).digest())
    return (3 * np.random.default_rng(seed).normal(size=16)).tolist()


def answer(request: httpx.Request) -> httpx.Response:
    """Rows out of order and not normalised, as the protocol allows; refuses what OpenAI refuses."""
    texts = json.loads(request.content)["input"]
    if "" in texts or any(len(text) > 10_000 for text in texts):
        return httpx.Response(400, text="input cannot be empty or too long")
    rows = [{"index": i, "embedding": embedding(text)} for i, text in enumerate(texts)]
    return httpx.Response(200, json={"data": rows[::-1]})


def remote(handler: Handler, **options: object) -> RemoteEncoder:
    return RemoteEncoder(URL, "tiny", transport=httpx.MockTransport(handler), backoff=0.001, **options)


@pytest.fixture
def encoder() -> Encoder:
    return remote(answer, batch=7)


class TestConformance(EncoderConformance):
    pass


async def test_requests_are_batched_and_bounded() -> None:
    sizes: list[int] = []

    def count(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret"
        sizes.append(len(json.loads(request.content)["input"]))
        return answer(request)

    encoder = remote(count, batch=10, api_key="secret")
    assert (await encoder.encode([str(i) for i in range(25)])).shape == (25, 16)
    assert sorted(sizes) == [5, 10, 10]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_failures_are_tried_again(status: int) -> None:
    answers = iter([httpx.Response(status, headers={"retry-after": "0"}), httpx.Response(status)])
    encoder = remote(lambda request: next(answers, None) or answer(request))
    assert (await encoder.encode(["text"])).shape == (1, 16)


async def test_time_outs_are_tried_again_and_then_named() -> None:
    attempts = 0

    def refuse(request: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(ModelError, match=r"tiny at http://127.0.0.1:1/v1/embeddings: slow \(check that"):
        await remote(refuse, retries=2).encode(["text"])
    assert attempts == 3


async def test_refusals_are_not_tried_again() -> None:
    attempts = 0

    def refuse(request: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        return httpx.Response(401, text="who\nare you?")

    with pytest.raises(ModelError, match=r"answered 401: who are you\? \(check the API key\)"):
        await remote(refuse, api_key="secret").encode(["text"])
    assert attempts == 1


async def test_a_server_that_wants_a_long_pause_is_not_waited_for() -> None:
    with pytest.raises(ModelError, match="answered 429"):
        await remote(lambda _: httpx.Response(429, headers={"retry-after": "3600"})).encode(["text"])


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"error": "x"}, "something other than embeddings"),
        ({"data": []}, "0 embeddings for 1 texts"),
        ({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, "no direction"),
    ],
)
async def test_unusable_answers_are_named(body: object, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        await remote(lambda _: httpx.Response(200, json=body)).encode(["text"])


async def test_another_dimension_is_refused() -> None:
    with pytest.raises(ModelError, match="gives 16 numbers a vector instead of 8"):
        await remote(answer, dimension=8).encode(["text"])


async def test_the_dimension_is_given_or_probed() -> None:
    encoder = remote(answer)
    with pytest.raises(InputError, match="not known yet"):
        _ = encoder.fingerprint
    assert await encoder.probe() == 16
    assert encoder.fingerprint == RemoteEncoder("https://elsewhere/v1", "tiny", 16).fingerprint == "tiny/16"


def test_the_url_is_checked() -> None:
    with pytest.raises(InputError, match="not the URL"):
        RemoteEncoder("localhost:8000", "tiny")
