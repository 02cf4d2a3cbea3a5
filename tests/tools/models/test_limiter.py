"""Never more in flight than there are slots, first come first served, and no slot is ever lost."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import InputError, ModelError
from kedge.tools.models import Limiter, shared_limiter


class Watched:
    """Counts who holds a slot."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter, self.inside, self.most, self.order = limiter, 0, 0, []

    async def work(self, name: int, seconds: float) -> None:
        async with self.limiter:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.order.append(name)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.inside -= 1


async def test_exactly_as_many_as_slots_and_in_order() -> None:
    watched = Watched(Limiter(3))
    await asyncio.gather(*(watched.work(name, 0.001) for name in range(20)))
    assert watched.most == 3
    assert watched.order == list(range(20))
    assert (watched.limiter.free, watched.limiter.waiting) == (3, 0)


@settings(max_examples=60, deadline=None)
@given(
    slots=st.integers(1, 4),
    callers=st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.integers(0, 6))), max_size=25),
    seed=st.integers(0, 1000),
)
def test_no_slot_is_lost_whoever_is_cancelled_and_whenever(
    slots: int, callers: list[tuple[int, int | None]], seed: int
) -> None:
    async def run() -> None:
        watched = Watched(Limiter(slots))

        async def caller(name: int, turns: int) -> None:
            async with watched.limiter:
                watched.inside += 1
                watched.most = max(watched.most, watched.inside)
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    if turns == 4:
                        raise ValueError("a caller that fails")
                finally:
                    watched.inside -= 1

        async def cancel(task: asyncio.Task[None], after: int) -> None:
            for _ in range(after):
                await asyncio.sleep(0)
            task.cancel()

        tasks, others = [], []
        for name, (turns, after) in enumerate(callers):
            tasks.append(asyncio.create_task(caller(name, turns)))
            if after is not None:
                others.append(asyncio.create_task(cancel(tasks[-1], after)))
        random.Random(seed).shuffle(others)
        await asyncio.gather(*tasks, *others, return_exceptions=True)
        assert watched.most <= slots
        assert (watched.limiter.free, watched.limiter.waiting, watched.inside) == (slots, 0, 0)

    asyncio.run(run())


async def test_a_slot_granted_to_somebody_just_cancelled_goes_on() -> None:
    limiter = Limiter(1)
    watched = Watched(limiter)
    first = asyncio.create_task(watched.work(1, 0.01))
    await asyncio.sleep(0)
    second = asyncio.create_task(watched.work(2, 0))
    third = asyncio.create_task(watched.work(3, 0))
    await asyncio.sleep(0)
    await first  # has granted its slot to the second, which has not run yet
    second.cancel()
    await third
    assert watched.order == [1, 3]
    assert limiter.free == 1


async def test_a_full_queue_refuses() -> None:
    limiter = Limiter(1, queue=1, name="http://h/v1")
    watched = Watched(limiter)
    tasks = [asyncio.create_task(watched.work(name, 0.01)) for name in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(ModelError, match=r"1 calls wait for http://h/v1 already"):
        await watched.work(3, 0)
    await asyncio.gather(*tasks)
    assert limiter.free == 1


def test_slots_are_shared_by_the_event_loops_of_all_threads() -> None:
    limiter, lock = Limiter(2), threading.Lock()
    inside, most = 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with limiter:
            with lock:
                inside += 1
                most = max(most, inside)
            await asyncio.sleep(0.002)
            with lock:
                inside -= 1

    async def many() -> None:
        await asyncio.gather(*(work() for _ in range(10)))

    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert limiter.free == 2


def test_who_waits_in_a_loop_that_ended_is_passed_over() -> None:
    limiter = Limiter(1)
    left = asyncio.new_event_loop()
    holder = limiter.__aenter__()
    with pytest.raises(StopIteration):
        holder.send(None)

    async def wait() -> None:
        async with limiter:
            raise AssertionError("nobody runs this any more")

    task = left.create_task(wait())
    left.run_until_complete(asyncio.sleep(0))
    assert limiter.waiting == 1
    task.cancel()
    left.run_until_complete(asyncio.gather(task, return_exceptions=True))
    left.close()
    asyncio.run(limiter.__aexit__(None, None, None))
    assert (limiter.free, limiter.waiting) == (1, 0)


def test_one_endpoint_has_one_limiter() -> None:
    limiter = shared_limiter("http://one/v1", 4)
    assert shared_limiter("http://one/v1", 4) is limiter
    assert shared_limiter("http://two/v1", 4) is not limiter
    with pytest.raises(InputError, match="in use with 4 calls at once, not 5"):
        shared_limiter("http://one/v1", 5)
    with pytest.raises(InputError, match="0 calls at once"):
        Limiter(0)
