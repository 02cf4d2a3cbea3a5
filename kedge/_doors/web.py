"""The page: knowledge bases asked, read and looked around in with a browser. Its routes, in order."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import anyio
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kedge import __version__
from kedge._doors import actions, schemas
from kedge._doors import web_data as data
from kedge._doors.actions import Desk
from kedge._doors.guard import Application, Message, Receive, Scope, Send
from kedge._doors.names import check_names
from kedge._views.clean import clean
from kedge._views.pages import asset
from kedge.errors import KedgeError
from kedge.graphs.events import Event
from kedge.graphs.looking import with_regions
from kedge.graphs.run import METHODS
from kedge.tools.models import Budget

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge import KnowledgeBase

__all__ = ["FILES", "build"]

FILES: Final = {
    "/": ("ui.html", "text/html"),
    "/ui.css": ("ui.css", "text/css"),
    "/drawing.css": ("drawing.css", "text/css"),
    "/ui.js": ("ui.js", "text/javascript"),
    "/graph.js": ("graph.js", "text/javascript"),
}
"""What the page is made of; nothing of the documents is in it."""

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
OWN: Final = ("metakgrag", "parallel", "research", "sequential", "splitting", "multimodal", "retrieve_read")
"""The methods that need no model."""

AT_ONCE: Final = 8  # questions that are worked on at the same time
AHEAD: Final = 64  # events that may wait for a browser before the work does


Work = Callable[[Desk, Any], Awaitable[Any]]


def build(bases: Mapping[str, KnowledgeBase], model: BaseChatModel | None = None) -> Application:
    """The application, without a guard; see `kedge.ui.app`."""
    check_names(bases)
    desks = {name: Desk(base, model) for name, base in bases.items()}
    running: set[asyncio.Task[None]] = set()

    def route(path: str, arguments: type[schemas.Arguments], work: Work, method: str = "GET") -> Route:
        endpoint = partial(_respond, desks, arguments, work)
        return Route(f"/api/{{base}}{path}", endpoint, methods=[method])

    routes = [
        *(Route(path, partial(_file, *file), methods=["GET"]) for path, file in FILES.items()),
        Route("/api/about", partial(_about, desks), methods=["GET"]),
        route("/ask", data.Ask, partial(_ask, running), "POST"),
        route("/search", schemas.Search, actions.search),
        route("/documents", data.Listing, _in_thread(data.listed)),
        route("/documents/{document}", data.Reading, _in_thread(data.read)),
        route("/documents/{document}/image", data.Named, _in_thread(data.image)),
        route("/pictures/{chunk}", data.Numbered, _in_thread(data.picture)),
        route("/pages/{chunk}", data.Quoted, _in_thread(data.page)),
        route("/graph", data.Around, _in_thread(data.around)),
        route("/names", data.Like, _in_thread(data.names)),
    ]
    refusals: Any = {KedgeError: _refused, HTTPException: _refused}
    return _with_headers(Starlette(routes=routes, exception_handlers=refusals))


async def _file(name: str, kind: str, _: Request) -> Response:
    return Response(asset(name), media_type=kind)


async def _about(desks: Mapping[str, Desk], _: Request) -> Response:
    """The knowledge bases and the methods that there are."""

    def told(name: str, desk: Desk) -> dict[str, Any]:
        return {"name": name, **desk.base.store.counts()}

    bases = [await asyncio.to_thread(told, name, desk) for name, desk in desks.items()]
    model = next(iter(desks.values())).model is not None
    methods = [{"name": name, "about": _headline(name)} for name in (METHODS if model else OWN)]
    return JSONResponse({"version": __version__, "bases": bases, "methods": methods, "model": model})


def _headline(method: str) -> str:
    return (import_module(METHODS[method]).__doc__ or "").partition("\n")[0]


async def _respond(
    desks: Mapping[str, Desk], arguments: type[schemas.Arguments], work: Work, request: Request
) -> Response:
    """Check what was sent, do the work, and give its result with nothing in it that could disguise a text."""
    path = dict(request.path_params)
    desk = desks.get(path.pop("base"))
    if desk is None:
        raise HTTPException(404, "there is no knowledge base of this name")
    sent: Any = dict(request.query_params)
    if request.method == "POST":
        if request.headers.get("content-type") != "application/json":  # which no page elsewhere may send
            raise HTTPException(415, "send JSON")
        try:
            sent = await request.json()
        except (ValueError, RecursionError):
            raise HTTPException(400, "this is no JSON") from None
    try:
        given = arguments.model_validate({**sent, **path} if isinstance(sent, dict) else sent)
    except ValidationError as error:
        raise HTTPException(400, schemas.complaint(error, arguments)) from None
    result = await work(desk, given)
    if result is None:
        raise HTTPException(404, "there is nothing here")
    if isinstance(result, bytes):
        return Response(result, media_type="image/png")
    return result if isinstance(result, Response) else JSONResponse(_cleaned(result))


async def _ask(running: set[asyncio.Task[None]], desk: Desk, given: data.Ask) -> Response:
    """Events as they happen and the answer last, as server-sent events; closing the stream ends the work."""
    if len(running) >= AT_ONCE:
        raise HTTPException(503, "other questions are being worked on; try again in a moment")
    lines: asyncio.Queue[str | None] = asyncio.Queue(AHEAD)
    task = asyncio.create_task(_work(desk, given, lines))
    running.add(task)
    task.add_done_callback(running.discard)

    async def told() -> AsyncIterator[str]:
        while (line := await lines.get()) is not None:
            yield line

    return _Stream(told(), task)


async def _work(desk: Desk, given: data.Ask, lines: asyncio.Queue[str | None]) -> None:
    budget = Budget(rounds=given.rounds, seconds=given.seconds)
    images = [given.image] if given.image else []
    options: dict[str, Any] = {"method": given.method, "images": images, "model": desk.model}
    try:
        stream: Any = desk.base.astream(given.question, budget=budget, **options)
        async with aclosing(stream) as items:
            async for item in items:
                if isinstance(item, Event):
                    await lines.put(_line("event", item.model_dump(mode="json")))
                else:
                    answer = await asyncio.to_thread(with_regions, item, desk.base)
                    await lines.put(_line("answer", data.answered(answer)))
    except KedgeError as error:
        await lines.put(_line("failed", {"error": str(error)}))
    except Exception as error:  # the last line of defence: what it says may not be for clients
        logging.getLogger(__name__).exception("a question failed")
        why = f"unexpected {type(error).__name__}: this is a fault in Kedge"
        await lines.put(_line("failed", {"error": why}))
    await lines.put(None)


class _Stream(StreamingResponse):
    """A stream with the work behind it, which is cancelled once where the stream ends before it.

    Once, because a graph that is cancelled twice leaves its nodes running.
    """

    def __init__(self, content: AsyncIterator[str], work: asyncio.Task[None]) -> None:
        super().__init__(content, media_type="text/event-stream")
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._work.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([self._work])


def _line(event: str, data: Mapping[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(_cleaned(data))}\n\n"


def _in_thread(look: Callable[[KnowledgeBase, Any], Any]) -> Work:
    """Work that only looks at a knowledge base, away from the loop that serves everybody."""

    async def work(desk: Desk, given: schemas.Arguments) -> Any:
        return await asyncio.to_thread(look, desk.base, given)

    return work


def _cleaned(value: Any) -> Any:
    """Results with every text made safe to show."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value.model_dump(mode="json") if isinstance(value, schemas.Result) else value


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    told = error.detail if isinstance(error, HTTPException) else str(error)
    return JSONResponse({"error": clean(told)}, status)


def _with_headers(app: Application) -> Application:
    """The application with the headers that let a page load nothing, and run no script, but its own."""
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await app(scope, receive, sent)

    return guarded
