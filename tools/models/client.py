"""The model client: a chat model around others that remembers, waits, counts and writes down.

    cache -> retry -> limit -> budget -> ledger -> trace -> the model

Each layer is an asynchronous generator around the next one. A reply flows through as parts, one `ChatResult`
or many chunks, so that whole and streamed replies, sync and async calls all take the same way.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableParallel,
    RunnableSequence,
    ensure_config,
)
from pydantic import ConfigDict, PrivateAttr

from kedge.errors import ModelError, ModelUnavailable
from kedge.tools.models.budget import Spending, playing
from kedge.tools.models.cache import ReplyCache
from kedge.tools.models.calls import Call, Price
from kedge.tools.models.faults import FAULTS, name_of, translated, where_is
from kedge.tools.models.limiter import Limiter
from kedge.tools.models.requests import Asked, as_chunk, from_record, merged, to_record, told
from kedge.tools.models.trace import TraceFile
from kedge.tools.waiting import iterate, wait

__all__ = ["ModelClient", "Retries"]

Part = ChatResult | ChatGenerationChunk
REST_SECONDS = 5.0
# Options that LangChain binds for those who watch a call, and that no server knows.
FOR_WATCHERS = ("ls_structured_output_format", "structured_output_format")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and after how many seconds, a call that failed in passing is made again.

    The pause doubles each time and is shortened by chance, by half at most, so that those who failed together
    do not come back together. What `Retry-After` asks for is waited for, but not longer than `longest`.

    Example:
        >>> 1.0 <= Retries(first=0.5).pause(2, None) <= 2.0
        True
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 60.0

    def pause(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after failure number `attempt` (0 is the first); `None` is to give up."""
        if attempt >= self.attempts or (asked or 0.0) > self.longest:
            return None
        doubled: float = min(self.longest, self.first * 2**attempt)
        return max(asked or 0.0, doubled * random.uniform(0.5, 1.0))  # noqa: S311 - no secret


class Replica:
    """One of the models, with its limiter."""

    def __init__(self, model: BaseChatModel, limiter: Limiter | None) -> None:
        self.model = model
        self.where = where_is(model)
        self.limiter = limiter
        self.rests_until = 0.0
        self.was_there = False

    @property
    def ready(self) -> bool:
        """Whether it may be asked."""
        return time.monotonic() >= self.rests_until

    @property
    def load(self) -> int:
        """Calls that are waiting less slots that are free."""
        return self.limiter.waiting - self.limiter.free if self.limiter else 0

    def rest(self, fault: ModelUnavailable) -> None:
        """It failed: leave it alone for as long as it asks, or a few seconds."""
        self.was_there = self.was_there or not fault.absent
        self.rests_until = time.monotonic() + (fault.retry_after or REST_SECONDS)


class ModelClient(BaseChatModel):
    """A chat model around `models`, which are all the same model: one, or replicas that take turns.

    - **cache**: a request that was answered before is answered from `replies`, and costs nothing; equal
      requests at the same time are sent once. Draw again by asking with another `seed`.
    - **retry**: what may pass (429, 5xx, time-outs, resets) is tried again, elsewhere if there is a replica.
      A replica that fails rests for a while. A server that went away is waited for, but one that never was
      there is not. A stream that has begun is not begun again.
    - **limit**: each replica has at most its limiter's number of calls in flight.
    - **budget** and **ledger**: inside `Meter.play` the meter is asked before, and charged after, each call.
    - **trace**: every call is a record of `trace`, and an OpenTelemetry span of `tracer`.

    Tools, structured outputs, log-probabilities and streaming are those of the models.

    Args:
        models: The replicas.
        limiters: One for each of them; none means no limit.
        replies: The cache, if any.
        retries: When to try again.
        prices: Price lists by the name of a model; cost is unknown without.
        trace: The file to write down calls in, if any.
        tracer: An OpenTelemetry tracer, see `open_tracer`.

    Raises:
        ModelError: by every call: the endpoint failed, or answered with nothing or without end.
        BudgetExceeded: by calls inside `Meter.play`.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> client = ModelClient(models=[FakeListChatModel(responses=["aye", "no"])])
        >>> client.invoke("Ready?").content
        'aye'
        >>> cached = ModelClient(models=client.models, replies=ReplyCache(tmp / "replies.sqlite"))
        >>> cached.invoke("Ready?").content, cached.invoke("Ready?").content
        ('no', 'no')
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    models: Sequence[BaseChatModel]
    limiters: Sequence[Limiter] = ()
    replies: ReplyCache | None = None
    retries: Retries = Retries()
    prices: Mapping[str, Price] = {}
    trace: TraceFile | None = None
    tracer: Any = None

    _replicas: list[Replica] = PrivateAttr(default_factory=list)
    _turns: count[int] = PrivateAttr(default_factory=count)
    _flights: dict[tuple[asyncio.AbstractEventLoop, bytes], asyncio.Future[None]] = PrivateAttr(
        default_factory=dict
    )

    def model_post_init(self, context: Any) -> None:
        """Pair each model with its limiter."""
        limiters: Sequence[Limiter | None] = self.limiters or [None] * len(self.models)
        self._replicas = [Replica(*pair) for pair in zip(self.models, limiters, strict=True)]

    @classmethod
    def around(cls, model: BaseChatModel) -> ModelClient:
        """The model itself if it is a client, otherwise a client of it that only counts what it costs."""
        if isinstance(model, ModelClient):
            return model
        return cls(models=[model], retries=Retries(attempts=0))

    # What LangChain asks of a chat model.

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's word
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """The reply, as from any chat model.

        LangChain's way round a call, with its tasks and managers, takes more time than all layers here. It is
        taken only if there is something to do on it.
        """
        if kwargs.get("stream") or self._is_watched(ensure_config(config)):
            return await super().ainvoke(input, config, stop=stop, **kwargs)
        options = {name: value for name, value in kwargs.items() if name not in FOR_WATCHERS}
        result = await self._agenerate(self._convert_input(input).to_messages(), stop, **options)
        return told(result)

    def _is_watched(self, config: RunnableConfig) -> bool:
        """Whether LangChain has callbacks, a cache, a rate limiter or a format to see to around a call."""
        callbacks = AsyncCallbackManager.configure(config.get("callbacks"), self.callbacks, self.verbose)
        others = (get_llm_cache(), self.cache, self.rate_limiter, self.output_version)
        return bool(callbacks.handlers) or any(other is not None for other in others)

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
        async with aclosing(self._asked(Asked(messages, stop, kwargs))) as flow:
            return merged([part async for part in flow])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        return iterate(lambda: self._astream(messages, stop, **kwargs))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(self._asked(Asked(messages, stop, kwargs, streamed=True))) as flow:
            async for part in flow:
                yield part if isinstance(part, ChatGenerationChunk) else as_chunk(part)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        """As the models do it."""
        bound: Runnable[Any, AIMessage] = self._instead(self.models[0].bind_tools(tools, **kwargs))
        return bound

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """As the models do it."""
        bound: Runnable[Any, Any] = self._instead(self.models[0].with_structured_output(schema, **kwargs))
        return bound

    def _instead(self, runnable: Runnable[Any, Any]) -> Any:
        """What a model made of itself, made of this client."""
        match runnable:
            case RunnableBinding(bound=bound) if bound is self.models[0]:
                return runnable.model_copy(update={"bound": self})
            case RunnableSequence():
                return runnable.model_copy(update={"first": self._instead(runnable.first)})
            case RunnableParallel():
                steps = {name: self._instead(step) for name, step in runnable.steps__.items()}
                return runnable.model_copy(update={"steps__": steps})
            case _:
                return runnable

    @property
    def model_name(self) -> str:
        """What the endpoint calls this model."""
        return name_of(self.models[0])

    @property
    def where(self) -> str:
        """How messages name this model."""
        return self._replicas[0].where

    @property
    def slots(self) -> int | None:
        """Calls that may be in flight at once, at all replicas together; `None` is any number."""
        return sum(limiter.slots for limiter in self.limiters) or None

    @property
    def _llm_type(self) -> str:
        return "kedge"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return self.models[0]._identifying_params

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.models[0]._get_ls_params(stop=stop, **kwargs)

    # The layers, outermost first.

    def _asked(self, asked: Asked) -> AsyncGenerator[Part]:
        return self._retried(asked) if self.replies is None else self._cached(asked, self.replies)

    async def _cached(self, asked: Asked, replies: ReplyCache) -> AsyncGenerator[Part]:
        """Answer from the cache, or remember the answer; equal requests of one loop wait for the first."""
        key = asked.key(self.models[0])
        place = (asyncio.get_running_loop(), key)
        while (known := replies.get(key)) is None and place in self._flights:
            await asyncio.shield(self._flights[place])
        if known is not None:
            if (whom := playing.get()) is not None:
                whom[0].charge(whom[1], Spending(cache_hits=1))
            yield from_record(known)
            return
        flight = self._flights[place] = place[0].create_future()
        try:
            parts = []
            async with aclosing(self._retried(asked)) as flow:
                async for part in flow:
                    parts.append(part)
                    yield part
            replies.put(key, to_record(merged(parts)))
        except ModelError as fault:
            flight.set_exception(fault)
            flight.exception()  # whoever waits is told; nobody has to wait
            raise
        finally:
            del self._flights[place]
            if not flight.done():
                flight.set_result(None)

    async def _retried(self, asked: Asked) -> AsyncGenerator[Part]:
        """Try again what failed in passing, until it has begun to answer."""
        for attempt in count():
            replica = self._next_replica()
            begun = False
            try:
                async with aclosing(self._sent(asked, replica)) as flow:
                    async for part in flow:
                        begun = replica.was_there = True
                        yield part
                return
            except ModelUnavailable as fault:
                replica.rest(fault)
                pause = self.retries.pause(attempt, fault.retry_after)
                if any(other.ready for other in self._replicas) and attempt < self.retries.attempts:
                    pause = 0.0
                elif not any(other.was_there for other in self._replicas):
                    pause = None  # a server that never was there is not waited for: its URL is wrong
                if pause is None or begun:
                    raise
            whom = playing.get()
            await asyncio.sleep(pause if whom is None else min(pause, whom[0].remaining))

    def _next_replica(self) -> Replica:
        """The least busy of those that do not rest; among equals they take turns."""
        if len(self._replicas) == 1:
            return self._replicas[0]
        first = next(self._turns) % len(self._replicas)
        order = [*self._replicas[first:], *self._replicas[:first]]
        ready = [replica for replica in order if replica.ready]
        return (
            min(ready, key=lambda replica: replica.load) if ready else min(order, key=lambda r: r.rests_until)
        )

    async def _sent(self, asked: Asked, replica: Replica) -> AsyncGenerator[Part]:
        """Ask a replica when it is this call's turn and the budget allows it, and write down what it took."""
        whom = playing.get()
        async with replica.limiter or nullcontext():
            with whom[0].calling() if whom else nullcontext():
                parts: list[Part] = []
                call = Call(asked, replica.model, replica.where, role=whom[1] if whom else None)
                try:
                    async with aclosing(_parts(replica.model, asked)) as flow:
                        async for part in flow:
                            parts.append(part)
                            yield part
                    call.answered(merged(parts))
                except FAULTS as error:
                    call.fault = translated(error, replica.where)
                    raise call.fault from error
                except ModelError as fault:
                    call.fault = fault
                    raise
                finally:
                    call.end(self.prices)
                    if whom is not None:
                        whom[0].charge(whom[1], call.spending)
                    if self.trace is not None:
                        self.trace.append(call.record())
                    if self.tracer is not None:
                        call.span(self.tracer)


async def _parts(model: BaseChatModel, asked: Asked) -> AsyncGenerator[Part]:
    """What the model says: chunks, if they are wanted and it can."""
    if asked.streamed and model._should_stream(async_api=True, stream=True):
        async for chunk in model._astream(asked.messages, asked.stop, **asked.options):
            yield chunk
    else:
        yield await model._agenerate(asked.messages, asked.stop, **asked.options)
