"""`kedge ask`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kedge._cli._app import ABSTAINED, JSON_KEYS, BaseOption, JsonOption
from kedge._cli._base import chat_model, open_base
from kedge._cli._output import console, display, emit, write_page
from kedge.errors import InputError

if TYPE_CHECKING:
    from kedge import Answer
    from kedge._api import KnowledgeBase
    from kedge.graphs.events import Event
    from kedge.graphs.steering import Choice, Proposal

__all__ = ["register"]

CITATION = "number, chunk_id, document_id, source, title, quote, start, end, page, time, picture, box"
ANSWER = (
    "question, method, text, answers, abstention [reason, missing [kind, target, slot, description], nearest "
    f"[as citations]], citations [{CITATION}], path [subject, relation, object, chunk_id, citation], "
    "confidence, warnings, ledger [seconds, roles, cost], trace [kind, message, round, seconds, data]"
)

MethodOption = Annotated[
    str | None,
    typer.Option(
        help="metakgrag, parallel, research (which chooses), multimodal, or a baseline: sequential, "
        "splitting, retrieve_read, closed_book. With a vLLM that takes adapters: parametric or combined, "
        "text, vanilla or task_only.  [default: metakgrag; multimodal with --image]",
        autocompletion=lambda: _methods(),
    ),
]
ImageOption = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="An image that the question is about; may be given several times."),
]


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(epilog=JSON_KEYS + ANSWER)(ask)


def ask(
    question: Annotated[str, typer.Argument(help="The question; `-` reads it from standard input.")],
    base: BaseOption = None,
    method: MethodOption = None,
    image: ImageOption = None,
    rounds: Annotated[int | None, typer.Option(min=0, help="At most this many rounds.  [default: 3]")] = None,
    calls: Annotated[int | None, typer.Option(min=0, help="At most this many model calls.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.001, help="At most this long.  [default: 60]")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Print each step as it happens.")] = False,
    thread: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Save the run under this name; the same command then continues it."
        ),
    ] = None,
    from_round: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="With --thread: go on from before this round, counted from 0."),
    ] = None,
    step: Annotated[
        bool, typer.Option("--step", help="After each round show what is missing, and ask where to go on.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the answer as a page.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible chat model.  [default: $KEDGE_MODEL_URL]"),
    ] = None,
    model_name: Annotated[
        str | None, typer.Option(help="Its name, if several are served.  [default: $KEDGE_MODEL_NAME]")
    ] = None,
    cast: Annotated[
        str | None,
        typer.Option(help="Who decides: llm or extractive.  [default: llm where a model is named]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the documents, with citations; or say why they do not hold the answer."""
    asked = sys.stdin.read() if question == "-" else question
    from kedge._api import clean_question
    from kedge.tools.models import Budget
    from kedge.tools.waiting import wait

    asked = clean_question(asked)
    limits = {"rounds": rounds, "calls": calls, "seconds": seconds}
    budget = Budget.model_validate({name: limit for name, limit in limits.items() if limit is not None})
    language_model = chat_model(model, model_name)
    options = {
        "method": method,
        "images": image or [],
        "budget": budget,
        "thread": thread,
        "from_round": from_round,
        "model": language_model,
        "cast": cast,
    }
    with open_base(base) as opened:
        if method != "closed_book" and not opened.stats().documents:
            raise InputError(
                f"the knowledge base at {opened.path} is empty", fix="add documents with `kedge add`"
            )
        with _telling(trace or step) as tell:
            answer = (
                _steered(opened, asked, options, tell)
                if step
                else wait(_follow(opened, asked, options, tell))
            )
        if html is not None:
            write_page(html, _page(opened, answer))
    if as_json:
        emit(answer.model_dump(mode="json"))
    else:
        from kedge._views.terminal import answer_renderable

        display(answer_renderable(answer))
    if answer.text is None:
        raise typer.Exit(ABSTAINED)


def _methods() -> list[str]:
    from kedge.graphs.run import METHODS

    return list(METHODS)


async def _follow(
    base: KnowledgeBase, question: str, options: dict[str, Any], tell: Callable[[Event], None]
) -> Answer:
    from kedge import Answer

    async for item in base.astream(question, **options):
        if isinstance(item, Answer):
            return item
        tell(item)
    raise AssertionError("a method ended without an answer")


@contextmanager
def _telling(trace: bool) -> Iterator[Callable[[Event], None]]:
    """What happens, on standard error: each step on its own line, or all that is under way on a terminal."""
    screen = console(stderr=True)
    if screen.is_interactive and not trace:
        from rich.live import Live

        from kedge._views.live import under_way

        events: list[Event] = []
        with Live(console=screen, transient=True, get_renderable=lambda: under_way(events)):
            yield events.append
    else:
        from kedge._views.terminal import event_line

        yield (
            lambda event: (
                screen.print(event_line(event), soft_wrap=True) if trace or event.kind == "branch" else None
            )
        )


def _steered(
    base: KnowledgeBase, question: str, options: dict[str, Any], tell: Callable[[Event], None]
) -> Answer:
    """Follow a run, and ask at the prompt, which belongs to the main thread, about each proposal."""
    from kedge.tools.waiting import wait

    proposals: asyncio.Queue[Proposal] = asyncio.Queue()
    choices: asyncio.Queue[Choice] = asyncio.Queue()

    async def pause(proposal: Proposal) -> Choice:
        await proposals.put(proposal)
        return await choices.get()

    async def begin() -> asyncio.Task[Answer]:
        return asyncio.create_task(_follow(base, question, options | {"pause": pause}, tell))

    async def proposed() -> Proposal | None:
        asked = asyncio.create_task(proposals.get())
        await asyncio.wait({run, asked}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return asked.result()
        asked.cancel()
        return None

    async def end(*, cancel: bool) -> Answer:
        if cancel:
            run.cancel()
        return await run

    run = wait(begin())
    try:
        while (proposal := wait(proposed())) is not None:
            wait(choices.put(_chosen(proposal)))
    except BaseException:
        with suppress(asyncio.CancelledError):
            wait(end(cancel=True))
        raise
    return wait(end(cancel=False))


def _chosen(proposal: Proposal) -> Choice:
    """What a person at the terminal makes of a proposal; the end of the input stops the search."""
    from kedge._views.clean import one_line
    from kedge.graphs.steering import Choice

    for gap in proposal.gaps:
        typer.echo(f"  missing: {one_line(gap.description)}", err=True)
    start = one_line(" and ".join(proposal.starts)) or "the passages"
    kept = f", keeping {' → '.join(proposal.kept)}" if proposal.kept else ""
    typer.echo(f"  next: from {start}{kept}, looking for: {one_line(proposal.aim)}", err=True)
    try:
        decided = typer.prompt("  go on? yes, change, stop", "yes", err=True).strip().lower()
        if decided.startswith("s"):
            return Choice(action="stop")
        if not decided.startswith("c"):
            return Choice()
        entity = typer.prompt("  from which entity", ", ".join(proposal.starts[:1]), err=True)
        return Choice(
            action="change", start=entity or None, aim=typer.prompt("  looking for", proposal.aim, err=True)
        )
    except typer.Abort:
        return Choice(action="stop")


def _page(base: KnowledgeBase, answer: Answer) -> str:
    from kedge._views.html import report_html

    quoted = answer.citations or (answer.abstention.nearest if answer.abstention else ())
    texts = {name: base.text(name) for name in {citation.document_id for citation in quoted}}
    return report_html(
        [answer], texts=texts, title="Kedge", lead="One question, answered from your documents"
    )
