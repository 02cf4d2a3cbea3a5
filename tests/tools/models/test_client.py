"""The layers of the client, against a server whose replies and faults are scripted."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from kedge.errors import BudgetExceeded, ModelError, ModelUnavailable, StoreError
from kedge.testing import Reply, StubRequest, StubServer
from kedge.tools.models import (
    Budget,
    Meter,
    ModelClient,
    Price,
    ReplyCache,
    Retries,
    connect,
)

QUICK = Retries(attempts=3, first=0.001)


class Port(BaseModel):
    """A port."""

    name: str
    ships: int


def client(*servers: StubServer, **options: object) -> ModelClient:
    made = connect([server.url for server in servers], "tiny", concurrency=options.pop("concurrency", 8))
    return made.model_copy(update={"retries": QUICK, **options})


@pytest.fixture
def replies(tmp_path: Path) -> ReplyCache:
    return ReplyCache(tmp_path / "replies.sqlite")


def streamed(model: ModelClient, text: str) -> str:
    return "".join(chunk.text for chunk in model.stream(text))


async def astreamed(model: ModelClient, text: str) -> str:
    return "".join([chunk.text async for chunk in model.astream(text)])


# Every way in


async def test_all_four_ways_in_say_the_same() -> None:
    with StubServer("a fair wind") as server:
        model = client(server)
        assert (await model.ainvoke("?")).text == model.invoke("?").text == "a fair wind"
        assert await astreamed(model, "?") == streamed(model, "?") == "a fair wind"


async def test_streams_pass_through_as_they_come() -> None:
    with StubServer(Reply("one two three", drip=0.05)) as server:
        times = [time.monotonic() async for chunk in client(server).astream("count") if chunk.text]
    assert len(times) == 3
    assert times[2] - times[0] > 0.08, "a chunk was held back"


async def test_structured_outputs_and_tools_go_through_the_layers(replies: ReplyCache) -> None:
    def script(request: StubRequest) -> Reply | str:
        if request.body.get("tools"):
            arguments = '{"name": "Selwyn", "ships": 3}'
            return Reply(
                tool_calls=[
                    {"id": "1", "type": "function", "function": {"name": "Port", "arguments": arguments}}
                ]
            )
        assert request.body["response_format"]["json_schema"]["schema"]["required"] == ["name", "ships"]
        return '{"name": "Averrin", "ships": 2}'

    with StubServer(script) as server:
        model = client(server, replies=replies)
        for _ in range(2):  # the second time from the cache
            port = Port(name="Averrin", ships=2)
            assert await model.with_structured_output(Port).ainvoke("?") == port
            raw = await model.with_structured_output(Port, include_raw=True).ainvoke("?")
            assert raw["parsed"] == port
            tooled = model.with_structured_output(Port, method="function_calling")
            assert await tooled.ainvoke("?") == Port(name="Selwyn", ships=3)
            assert (await model.bind_tools([Port]).ainvoke("?")).tool_calls[0]["args"]["ships"] == 3
        assert server.served == 3, "one for the schema, one for each wording of the tool"


async def test_log_probabilities_and_thoughts_come_through() -> None:
    reply = Reply("yes", reasoning="hm", logprobs=[{"yes": -0.1, "no": -2.5}])
    with StubServer(reply) as server:
        message = await client(server).bind(logprobs=True, top_logprobs=2).ainvoke("?")
    [token] = message.response_metadata["logprobs"]["content"]
    assert {row["token"]: row["logprob"] for row in token["top_logprobs"]} == {"yes": -0.1, "no": -2.5}
    assert message.additional_kwargs["reasoning_content"] == "hm"


# Cache


async def test_what_was_asked_before_is_not_asked_again(replies: ReplyCache) -> None:
    meter = Meter()
    with StubServer(["one", "two", "three"]) as server:
        model = client(server, replies=replies)
        ask = model.ainvoke
        first = await meter.play("read", ask, "?")
        again = await meter.play("read", ask, "?")
        other = await meter.play("read", ask, "!")
        assert (first.text, again.text, other.text) == ("one", "one", "two")
        assert (await model.bind(seed=7).ainvoke("?")).text == "three", "another seed is another draw"
    spent = meter.ledger().roles["read"]
    assert (spent.calls, spent.cache_hits) == (2, 1)
    assert again.usage_metadata is None, "what is remembered uses nothing"


async def test_streams_are_remembered_too(replies: ReplyCache) -> None:
    with StubServer(["a fair wind", "never"]) as server:
        model = client(server, replies=replies)
        assert await astreamed(model, "?") == "a fair wind"
        assert await astreamed(model, "?") == streamed(model, "?") == "a fair wind"
        assert (await model.ainvoke("?")).text == "a fair wind"
        assert server.served == 1


async def test_half_a_stream_is_not_remembered(replies: ReplyCache) -> None:
    with StubServer(Reply("one two three", drip=0.005)) as server:
        model = client(server, replies=replies, concurrency=1)
        async for _ in model.astream("?"):
            break
        assert await astreamed(model, "?") == "one two three"
        assert server.served == 2


async def test_equal_requests_at_the_same_time_are_sent_once(replies: ReplyCache) -> None:
    with StubServer("one", latency=0.05) as server:
        model = client(server, replies=replies)
        said = await asyncio.gather(*(model.ainvoke("?") for _ in range(10)))
        assert {message.text for message in said} == {"one"}
        assert server.served == 1


async def test_when_the_first_of_equals_is_cancelled_another_asks(replies: ReplyCache) -> None:
    with StubServer("one", latency=0.5) as server:
        model = client(server, replies=replies)
        first, second, third = (asyncio.create_task(model.ainvoke("?")) for _ in range(3))
        while not server.served:
            await asyncio.sleep(0.01)
        first.cancel()
        assert (await second).text == (await third).text == "one"
        assert server.served == 2


async def test_when_the_first_of_equals_fails_all_are_told(replies: ReplyCache) -> None:
    with StubServer(Reply.error(400, "no"), latency=0.05) as server:
        model = client(server, replies=replies)
        said = await asyncio.gather(*(model.ainvoke("?") for _ in range(5)), return_exceptions=True)
        assert all(isinstance(error, ModelError) for error in said)
        assert server.served == 1


def ask_in_a_process(url: str, path: Path) -> None:
    model = connect(url, "tiny", replies=ReplyCache(path))
    for number in range(20):
        assert model.invoke(str(number)).text == "same"


def test_processes_share_the_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with StubServer("same") as server:
        arguments = (server.url, tmp_path / "replies.sqlite")
        processes = [context.Process(target=ask_in_a_process, args=arguments) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        assert 20 <= server.served <= 40
        ask_in_a_process(*arguments)
        assert server.served <= 40


def test_the_key_is_no_part_of_what_is_remembered(replies: ReplyCache) -> None:
    with StubServer(["one", "two"]) as server:
        for key in ("first", "second"):
            model = connect(server.url, "tiny", api_key=key, replies=replies)
            assert model.invoke("?").text == "one"
        assert b"first" not in replies.path.read_bytes()
        assert connect(server.url, "other", replies=replies).invoke("?").text == "two"


def test_the_oldest_replies_go(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "replies.sqlite", most=40)
    for number in range(100):
        cache.put(str(number).encode(), {"number": number})
    kept = [number for number in range(100) if cache.get(str(number).encode())]
    assert len(kept) <= 42
    assert kept[-1] == 99


def test_a_broken_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "replies.sqlite").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match=r"the reply cache .*delete the file"):
        ReplyCache(tmp_path / "replies.sqlite").get(b"key")


# Retry


@pytest.mark.parametrize(
    "fault",
    [
        Reply.error(429),
        Reply.error(500),
        Reply.error(503, retry_after=0.01),
        Reply(reset=True),
        Reply("cut off", cut=5),
    ],
    ids=["429", "500", "503", "reset", "cut"],
)
async def test_what_may_pass_is_tried_again(fault: Reply) -> None:
    with StubServer([fault, fault, "at last"]) as server:
        assert (await client(server).ainvoke("?")).text == "at last"
    if fault.cut is None:  # a stream that has begun is not begun again
        with StubServer([fault, fault, "at last"]) as server:
            assert await astreamed(client(server), "?") == "at last"


async def test_it_is_given_up_after_a_while() -> None:
    with StubServer(Reply.error(503, "too busy")) as server:
        with pytest.raises(ModelUnavailable, match=r"tiny at http.* answered 503: too busy"):
            await client(server).ainvoke("?")
        assert server.served == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_refusals_are_not_tried_again(status: int) -> None:
    with StubServer(Reply.error(status)) as server:
        with pytest.raises(ModelError):
            await client(server).ainvoke("?")
        assert server.served == 1


async def test_what_the_server_asks_for_is_waited_for() -> None:
    with StubServer([Reply.error(429, retry_after=0.2), "at last"]) as server:
        began = time.monotonic()
        await client(server).ainvoke("?")
        assert time.monotonic() - began >= 0.2
    with StubServer(Reply.error(429, retry_after=3600)) as server:
        with pytest.raises(ModelUnavailable):
            await client(server).ainvoke("?")
        assert server.served == 1


async def test_waiting_to_try_again_can_be_cancelled() -> None:
    with StubServer(Reply.error(429, retry_after=30)) as server:
        model = client(server)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await model.ainvoke("?")
        assert time.monotonic() - began < 5


async def test_a_stream_that_broke_off_is_an_error() -> None:
    with StubServer([Reply("one two three", cut=3), "never"]) as server:
        with pytest.raises(ModelUnavailable, match="broke"):
            await astreamed(client(server), "?")
        assert server.served == 1


def test_pauses_double_and_end() -> None:
    retries = Retries(attempts=3, first=1.0, longest=3.0)
    pauses = [retries.pause(attempt, None) for attempt in range(4)]
    assert pauses[3] is None
    assert 0.5 <= pauses[0] <= 1.0 <= pauses[1] <= 2.0
    assert pauses[2] <= 3.0
    assert retries.pause(0, 2.5) == 2.5
    assert retries.pause(0, 4.0) is None


# Limit


async def test_exactly_as_many_in_flight_as_allowed() -> None:
    with StubServer("ok", latency=0.02) as server:
        model = client(server, concurrency=5)
        await asyncio.gather(*(model.ainvoke(str(number)) for number in range(40)))
        assert server.most_in_flight == 5


async def test_two_clients_of_one_endpoint_share_its_slots() -> None:
    with StubServer("ok", latency=0.02) as server:
        models = [client(server, concurrency=3) for _ in range(2)]
        calls = [model.ainvoke("?") for model in models for _ in range(10)]
        threads = [asyncio.to_thread(models[0].invoke, "?") for _ in range(5)]
        await asyncio.gather(*calls, *threads)
        assert server.most_in_flight == 3


@pytest.mark.parametrize(
    "leave",
    [
        lambda model: asyncio.wait_for(model.ainvoke("?"), 0.03),
        lambda model: asyncio.wait_for(astreamed(model, "?"), 0.03),
    ],
    ids=["whole", "stream"],
)
async def test_cancelled_calls_give_their_slot_back(leave: Callable[[ModelClient], object]) -> None:
    with StubServer(Reply("one two three", latency=0.5, drip=0.02)) as server:
        model = client(server, concurrency=2)
        for _ in range(6):
            with pytest.raises(TimeoutError):
                await leave(model)
        [limiter] = model.limiters
        assert limiter.free == 2


async def test_abandoned_streams_give_their_slot_back() -> None:
    with StubServer(Reply("one two three four", drip=0.01)) as server:
        model = client(server, concurrency=1)
        for _ in range(3):
            async for _chunk in model.astream("?"):
                break
        async with asyncio.timeout(5):
            assert await astreamed(model, "?") == "one two three four"
        assert model.limiters[0].free == 1


def test_abandoned_streams_in_ordinary_code_give_their_slot_back() -> None:
    with StubServer(Reply("one two three four", drip=0.01)) as server:
        model = client(server, concurrency=1)
        for _ in range(3):
            for _chunk in model.stream("?"):
                break
        assert streamed(model, "?") == "one two three four"
        assert model.limiters[0].free == 1


# Replicas


async def test_replicas_take_turns() -> None:
    with StubServer("a") as one, StubServer("b") as two:
        model = client(one, two)
        assert [(await model.ainvoke("?")).text for _ in range(4)] == ["a", "b", "a", "b"]


async def test_a_replica_that_fails_is_set_aside() -> None:
    with StubServer(Reply.error(500)) as bad, StubServer("b") as good:
        model = client(bad, good)
        began = time.monotonic()
        assert {(await model.ainvoke(str(number))).text for number in range(10)} == {"b"}
        assert time.monotonic() - began < 2
        assert bad.served == 1
    with StubServer("back") as good:
        model = connect(["http://127.0.0.1:9/v1", good.url], "tiny")
        assert [(await model.ainvoke("?")).text for _ in range(3)] == ["back"] * 3


async def test_each_replica_is_kept_busy() -> None:
    with StubServer("a", latency=0.01) as quick, StubServer("b", latency=0.05) as slow:
        model = client(quick, slow, concurrency=4)
        await asyncio.gather(*(model.ainvoke(str(number)) for number in range(60)))
        assert (quick.most_in_flight, slow.most_in_flight) == (4, 4)


async def test_a_server_that_went_away_is_waited_for() -> None:
    with StubServer("before") as server:
        model = client(server, retries=Retries(attempts=6, first=0.1))
        await model.ainvoke("?")
    port = int(server.url.split(":")[2].partition("/")[0])
    asking = asyncio.create_task(model.ainvoke("?"))
    await asyncio.sleep(0.15)
    with StubServer("after", port=port):
        assert (await asking).text == "after"


# Budget and ledger


async def test_no_call_is_sent_beyond_the_budget() -> None:
    with StubServer("ok", latency=0.02) as server:
        model = client(server)
        meter = Meter(Budget(calls=3))

        async def many() -> list[object]:
            calls = (model.ainvoke(str(number)) for number in range(10))
            return await asyncio.gather(*calls, return_exceptions=True)

        said = await meter.play("read", many)
        assert sum(isinstance(each, AIMessage) for each in said) == server.served == 3
        assert sum(isinstance(each, BudgetExceeded) for each in said) == 7
    assert meter.ledger().total.calls == 3


async def test_a_hit_is_within_every_budget(replies: ReplyCache) -> None:
    with StubServer("ok") as server:
        model = client(server, replies=replies)
        await model.ainvoke("?")
        meter = Meter(Budget(calls=0))
        assert (await meter.play("read", model.ainvoke, "?")).text == "ok"


async def test_the_ledger_counts_per_role_through_every_way_in() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    with StubServer(Reply("ok", usage=usage)) as server:
        model = client(server, prices={"tiny": Price(prompt=10, completion=100, cached=1)})
        meter = Meter()

        async def read() -> None:
            model.invoke("?")
            await astreamed(model, "?")

        await meter.play("read", read)
        await meter.play("judge", model.ainvoke, "?")
    ledger = meter.ledger()
    read_, judge = ledger.roles["read"], ledger.roles["judge"]
    assert (read_.calls, judge.calls) == (2, 1)
    assert (judge.prompt_tokens, judge.completion_tokens) == (10, 4)
    assert (judge.cached_tokens, judge.reasoning_tokens) == (8, 3)
    assert judge.cost == pytest.approx((2 * 10 + 8 * 1 + 4 * 100) / 1e6)
    assert ledger.cost == pytest.approx(3 * judge.cost)
    assert 0 < judge.model_seconds <= judge.seconds


async def test_an_unknown_price_makes_an_unknown_cost() -> None:
    with StubServer("ok") as server:
        meter = Meter()
        await meter.play("read", client(server).ainvoke, "?")
    assert meter.ledger().cost is None
    assert Meter().ledger().cost is None


async def test_failed_calls_are_counted() -> None:
    with StubServer([Reply.error(500), "ok"]) as server:
        meter = Meter()
        priced = client(server, prices={"tiny": Price(prompt=1, completion=1)})
        await meter.play("read", priced.ainvoke, "?")
    spent = meter.ledger().total
    assert spent.calls == 2
    assert spent.cost is not None


async def test_nested_decisions_are_charged_to_the_inner_one() -> None:
    with StubServer("ok") as server:
        model, meter = client(server), Meter()

        async def outer() -> None:
            await meter.play("inner", model.ainvoke, "?")
            await model.ainvoke("?")

        await meter.play("outer", outer)
    assert {role: spent.calls for role, spent in meter.roles.items()} == {"inner": 1, "outer": 1}
