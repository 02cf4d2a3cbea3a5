"""Whatever is wrong with an endpoint is told in one line that names it and says what to do."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from kedge.errors import ContextOverflow, InputError, ModelError, ModelUnavailable, SchemaUnsupported
from kedge.testing import Reply, StubRequest, StubServer
from kedge.tools.models import Endpoint, ModelClient, Retries, connect, only_model

SCHEMA = {"type": "json_schema", "json_schema": {"name": "port", "schema": {"type": "object"}}}
OVERFLOW = (
    "This model's maximum context length is 1024 tokens. However, you requested 2000 tokens in the messages."
)


def model(url: str, **options: object) -> ModelClient:
    made = connect(url, "tiny", **options)
    return made.model_copy(update={"retries": Retries(attempts=0)})


async def fault(reply: Reply | str, *, prompt: str = "?", **options: object) -> ModelError:
    """The error that a reply ends in; a streamed call has to end in one of the same kind."""
    with StubServer(reply) as server:
        asked = model(server.url).bind(**options)
        with pytest.raises(ModelError) as whole:
            await asked.ainvoke(prompt)
        with pytest.raises(type(whole.value)):
            async for _ in asked.astream(prompt):
                pass
        assert f"the model tiny at {server.url}" in whole.value.message
    assert whole.value.fix
    return whole.value


async def test_no_server() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ModelUnavailable, match=r"tiny at http://127\S+ is not there.*\(start the server, or"):
        await connect(url, "tiny").ainvoke("?")


@pytest.mark.parametrize("url", ["", "localhost:8000/v1", "ftp://h/v1", "/v1", "http://"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(InputError, match="not the URL of a server"):
        connect(url, "tiny")


def test_no_url_at_all() -> None:
    with pytest.raises(InputError, match="no URL is given"):
        connect([], "tiny")


async def test_a_wrong_path() -> None:
    with StubServer() as server:
        url = server.url.removesuffix("/v1") + "/api"
        with pytest.raises(ModelError, match=r"answered 404: Not Found \(check the URL; it usually ends in"):
            await model(url).ainvoke("?")


async def test_a_wrong_name() -> None:
    with StubServer(model="qwen") as server, pytest.raises(ModelError, match="has these models: qwen"):
        await model(server.url).ainvoke("?")


async def test_an_expired_key() -> None:
    with StubServer(api_key="new") as server:
        with pytest.raises(ModelError, match=r"answered 401.*key is missing, wrong or expired"):
            await model(server.url, api_key="old").ainvoke("?")
        assert (await model(server.url, api_key="new").ainvoke("?")).text == "ok"


async def test_no_structured_outputs() -> None:
    refused = Reply.error(400, "response_format.type json_schema is not supported")
    assert isinstance(await fault(refused, response_format=SCHEMA), SchemaUnsupported)
    assert not isinstance(await fault(refused), SchemaUnsupported), "nobody asked for a schema"


@pytest.mark.parametrize("said", [OVERFLOW, "prompt is too long", "exceeds the available context size"])
async def test_a_prompt_that_is_too_long(said: str) -> None:
    error = await fault(Reply.error(400, said))
    assert isinstance(error, ContextOverflow)
    assert "less evidence" in error.fix


async def test_nothing_said() -> None:
    assert "answered with nothing" in str(await fault(""))
    assert "answered with nothing" in str(await fault(" \n "))
    assert "used up its tokens thinking" in str(
        await fault(Reply("", reasoning="hm", finish_reason="length"))
    )


async def test_one_token_is_enough_where_its_probability_is_wanted() -> None:
    with StubServer(Reply("", logprobs=[{"\n": -0.1, "4": -2.0}], finish_reason="length")) as server:
        assert (await model(server.url).bind(logprobs=True, top_logprobs=2).ainvoke("?")).text == ""


async def test_endless_repetition() -> None:
    error = await fault(Reply("The pier. " + "and on " * 200, finish_reason="length"))
    assert "repeats itself without end: 'and on'" in str(error)
    with StubServer(Reply("and on " * 200)) as server:
        assert (await model(server.url).ainvoke("?")).text, "it stopped by itself"
    with StubServer(Reply("cut off in the middle of a", finish_reason="length")) as server:
        assert (await model(server.url).ainvoke("?")).text, "long, but not endless"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<html><body>Welcome</body></html>", "something other than JSON: '<html><body>Welcome"),
        ('{"choices": [', "something other than JSON"),
        (b"\xff\xfe\x00", "something other than JSON"),
        ("[1, 2]", "something other than a completion"),
        ('{"answer": "ok"}', "something other than a completion"),
        ('{"choices": null}', "something other than a completion"),
        ('{"choices": []}', "something other than a completion"),
        ('{"choices": [{"text": "ok"}]}', "something other than a completion"),
        ('{"error": {"message": "the engine died"}}', "the engine died"),
    ],
)
async def test_replies_of_another_shape(body: str | bytes, complaint: str) -> None:
    with StubServer(Reply(body=body)) as server:
        with pytest.raises(ModelError, match=complaint.replace("[", r"\[")):
            await model(server.url).ainvoke("?")
        with pytest.raises(ModelError):
            async for _ in model(server.url).astream("?"):
                pass


async def test_half_characters_are_replaced_both_ways() -> None:
    def echo(request: StubRequest) -> Reply:
        said = json.dumps({"role": "assistant", "content": "half \ud800, whole 😀"})
        usage = '{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}'
        choice = f'{{"index": 0, "finish_reason": "stop", "message": {said}}}'
        return Reply(body=f'{{"choices": [{choice}], "usage": {usage}}}')

    with StubServer(echo) as server:
        said = (await model(server.url).ainvoke("a \udfff b, \ud83d\ude00")).text
        assert said == "half \ufffd, whole 😀"
        assert server.requests[0].prompt == "a \ufffd b, 😀"


async def test_too_slow() -> None:
    with StubServer(Reply("one two three", latency=2)) as server:
        with pytest.raises(ModelUnavailable, match=r"took more than 0.2 s \(allow more time"):
            await model(server.url, timeout=0.2).ainvoke("?")
        with pytest.raises(ModelUnavailable, match="took more than"):
            async for _ in model(server.url, timeout=0.2).astream("?"):
                pass


async def test_a_slow_drip_is_too_slow_unless_it_is_streamed() -> None:
    with StubServer(Reply("one two three four", drip=0.08)) as server:
        with pytest.raises(ModelUnavailable, match="took more than"):
            await model(server.url, timeout=0.3).ainvoke("?")
        chunks = [chunk.text async for chunk in model(server.url, timeout=0.3).astream("?")]
        assert "".join(chunks) == "one two three four"


async def test_no_credit_is_not_tried_again() -> None:
    error = await fault(Reply.error(429, "You exceeded your current quota", kind="insufficient_quota"))
    assert isinstance(error, ModelUnavailable)
    error = await fault(Reply.error(429, "insufficient_quota: check your plan and billing"))
    assert not isinstance(error, ModelUnavailable)


async def test_redirections_are_not_followed() -> None:
    moved = Reply(status=308, headers={"Location": "https://elsewhere/v1/chat/completions"})
    with StubServer(moved) as server, pytest.raises(ModelError, match="redirects to https://elsewhere"):
        await model(server.url).ainvoke("?")


async def test_a_proxy_is_asked_for_what_is_elsewhere_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with StubServer() as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy")
        assert (await model(server.url).ainvoke("?")).text == "ok", "never for this machine"
        with pytest.raises(ModelUnavailable, match=r"through the HTTP proxy.*no_proxy"):
            await model("http://models.example/v1").ainvoke("?")
        monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
        with pytest.raises(ModelError, match=r"models\.example"):
            await model("http://models.example/v1").ainvoke("?")


async def test_options_reach_the_server() -> None:
    with StubServer() as server:
        asked = model(server.url, temperature=0, seed=3, extra_body={"structured_outputs": {"regex": "a+"}})
        await asked.bind(max_tokens=5, extra_headers={"X-Trace": "7"}).ainvoke("?")
    [request] = server.requests
    assert (request.body["temperature"], request.body["seed"]) == (0, 3)
    assert request.body["structured_outputs"] == {"regex": "a+"}
    assert request.body["max_completion_tokens"] == 5
    assert "extra_body" not in request.body
    assert request.headers["x-trace"] == "7"


def test_connections_live_as_long_as_their_loop() -> None:
    with StubServer() as server:
        endpoint = Endpoint(base_url=server.url, model="tiny")
        for _ in range(3):
            assert asyncio.run(endpoint.ainvoke("?")).text == "ok"
            assert endpoint.invoke("?").text == "ok"


async def test_the_models_of_a_server_are_listed() -> None:
    with StubServer(model="qwen") as server:
        assert await Endpoint(base_url=server.url, model="tiny").served_models() == ["qwen"]
    assert await Endpoint(base_url=server.url, model="tiny").served_models() is None


async def test_the_one_model_of_a_server_needs_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def several(_: Endpoint) -> list[str]:
        return ["qwen", "letter-1"]

    with StubServer(model="qwen") as server:
        assert await only_model(server.url) == "qwen"
    with pytest.raises(InputError, match=f"no model is named for {server.url}, and nobody there tells"):
        await only_model(server.url)
    monkeypatch.setattr(Endpoint, "served_models", several)
    with pytest.raises(InputError, match="serves qwen, letter-1"):
        await only_model(server.url)
