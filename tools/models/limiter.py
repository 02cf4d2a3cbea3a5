"""So many calls in flight and no more, first come, first served, across threads and event loops."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from threading import Lock
from types import TracebackType
from weakref import WeakValueDictionary

from kedge.errors import InputError, ModelError

__all__ = ["Limiter", "shared_limiter"]


class _Turn:
    """One caller's place in the queue."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.come = self.loop.create_future()
        self.granted = False

    def grant(self) -> bool:
        """Wake the caller; false when its event loop is closed, so that nobody waits there any more."""
        try:
            self.loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            return False
        self.granted = True
        return True

    def _wake(self) -> None:
        if not self.come.done():
            self.come.set_result(None)


class Limiter:
    """Slots that are taken with `async with`, in the order in which they were asked for.

    Nobody polls: a slot that is given back goes straight to whoever waits longest. Cancelling a caller, in
    the queue or with a slot, gives its place back.

    Args:
        slots: Calls in flight at once.
        queue: Callers that may wait; one more is refused.
        name: What the slots are for, in messages.

    Raises:
        ModelError: by `async with`, when the queue is full.

    Example:
        >>> import asyncio
        >>> async def hold(limiter: Limiter) -> int:
        ...     async with limiter:
        ...         return limiter.free
        >>> asyncio.run(hold(Limiter(3)))
        2
    """

    def __init__(self, slots: int, *, queue: int = 100_000, name: str = "the model") -> None:
        if slots < 1:
            raise InputError(f"{name} cannot be asked with {slots} calls at once", fix="allow at least one")
        self.slots = slots
        self.free = slots
        self._queue = queue
        self._name = name
        self._turns: OrderedDict[_Turn, None] = OrderedDict()
        self._lock = Lock()

    @property
    def waiting(self) -> int:
        """Callers in the queue."""
        return len(self._turns)

    async def __aenter__(self) -> None:
        with self._lock:
            if self.free:
                self.free -= 1
                return
            if len(self._turns) >= self._queue:
                raise ModelError(
                    f"{self._queue:,} calls wait for {self._name} already", fix="ask for less at once"
                )
            turn = _Turn()
            self._turns[turn] = None
        try:
            await turn.come
        except BaseException:
            with self._lock:
                self._turns.pop(turn, None)
                if turn.granted:
                    self._give_back()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._give_back()

    def _give_back(self) -> None:
        while self._turns:
            turn, _ = self._turns.popitem(last=False)
            if turn.grant():
                return
        self.free += 1


_shared: WeakValueDictionary[str, Limiter] = WeakValueDictionary()
_sharing = Lock()


def shared_limiter(endpoint: str, slots: int) -> Limiter:
    """The limiter of an endpoint, the same for everybody in this process.

    Raises:
        InputError: the endpoint is in use with another number of slots.
    """
    with _sharing:
        limiter = _shared.get(endpoint)
        if limiter is None:
            limiter = _shared[endpoint] = Limiter(slots, name=endpoint)
    if limiter.slots != slots:
        raise InputError(
            f"{endpoint} is in use with {limiter.slots} calls at once, not {slots}", fix="use the same number"
        )
    return limiter
