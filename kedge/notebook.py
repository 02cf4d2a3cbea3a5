"""Views and progress for notebooks. Answers and knowledge bases show themselves; this is the rest.

Everything works as well outside notebooks: a view has a text, too. Extra: `notebook`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedge import Answer
from kedge.errors import InputError, MissingExtra
from kedge.tools.waiting import iterate

if TYPE_CHECKING:
    from kedge import Event, KnowledgeBase
    from kedge.tools.knowledge_base import AddReport, ParsedDocument, Progress

__all__ = ["View", "add", "ask", "compare", "graph", "path", "plan", "runs", "timeline"]


class View:
    """Something to look at: HTML in a notebook, text elsewhere."""

    def __init__(self, html: str, text: str) -> None:
        self._html = html
        self._text = text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


def path(answer: Answer) -> View:
    """The evidence path of an answer as a drawing.

    Example:
        >>> path(Answer(question="Who?", method="metakgrag", text="Ada Moss"))
        no evidence path
    """
    from kedge._views.html import framed
    from kedge._views.svg import path_svg
    from kedge._views.terminal import path_tree, plain

    if not answer.path:
        return View(framed("no evidence path"), "no evidence path")
    return View(framed(path_svg(answer.path)), plain(path_tree(answer.path)))


def plan(answer: Answer) -> View:
    """The plan that an answer was worked out by, step by step, with what became of each.

    Example:
        >>> plan(Answer(question="Who?", method="metakgrag", text="Ada Moss"))
        no plan
    """
    from kedge._views.html import framed
    from kedge._views.live import under_way
    from kedge._views.svg import plan_svg
    from kedge._views.terminal import plain

    drawing = plan_svg(answer.trace)
    planned = [event for event in answer.trace if event.kind in ("planned", "branch")]
    return View(framed(drawing or "no plan"), plain(under_way(planned)) if drawing else "no plan")


def timeline(answer: Answer) -> View:
    """What happened, and when.

    Example:
        >>> timeline(Answer(question="Who?", method="metakgrag", text="Ada Moss"))
        nothing was recorded
    """
    from kedge._views.html import framed, trace_html
    from kedge._views.terminal import event_line

    if not answer.trace:
        return View(framed("nothing was recorded"), "nothing was recorded")
    lines = "\n".join(event_line(event).plain for event in answer.trace)
    return View(framed(trace_html(answer.trace, opened=True)), lines)


def graph(base: KnowledgeBase, entity: str | None = None, *, hops: int = 1, most: int = 150) -> View:
    """The graph around an entity, to look around in; around the best-connected ones without one.

    Of a large graph only the part is read that is drawn.

    Args:
        base: The knowledge base.
        entity: A name.
        hops: How far from it.
        most: Entities that are drawn at most.

    Raises:
        InputError: there is no such entity.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     graph(base)
        Knowledge graph: 0 entities and 0 relations
    """
    from kedge._views.graph import picture_of_graph
    from kedge._views.notebook import picture_html
    from kedge.tools.knowledge_base import entity_key

    centre = entity_key(entity) if entity is not None else None
    if centre is not None and centre not in base.graph:
        raise InputError(f"no entity is called {entity!r}", fix="base.search shows how names are written")
    picture = picture_of_graph(base, centre, hops=hops, most=most)
    return View(picture_html(picture), f"{picture.title}: {picture.note}")


def compare(base: KnowledgeBase, questions: Sequence[str], methods: Mapping[str, Mapping[str, Any]]) -> View:
    """Ask the same questions in several ways, and show the answers side by side.

    Args:
        base: The knowledge base.
        questions: What to ask.
        methods: Options as for `KnowledgeBase.ask`, by the names that the columns get.

    Example:
        >>> from kedge import KnowledgeBase
        >>> with KnowledgeBase.open(tmp / "base", create=True) as base:
        ...     compare(base, ["Who built the pier?"], {"once": {"method": "retrieve_read"}})
        Who built the pier? | once: not in these documents: out of corpus (...)
    """
    from kedge._views.html import comparison_html, framed

    answers = {
        name: [base.ask(question, **options) for question in questions] for name, options in methods.items()
    }
    text = "\n".join(
        " | ".join(
            [row[0].question, *(f"{name}: {answer}" for name, answer in zip(answers, row, strict=True))]
        )
        for row in zip(*answers.values(), strict=True)
    )
    return View(framed(comparison_html(answers)), text)


def runs(folder: str | Path, *others: str | Path) -> View:
    """Runs of `kedge bench run`, by their folders: scores with intervals, and every two methods compared.

    Several runs are compared on the questions that all of them were asked, as `kedge bench compare` does.

    Raises:
        InputError: this is the folder of no run, or the runs have no question in common.
    """
    from kedge._views.html import framed
    from kedge.benchmarks.harness.comparing import compared, pair_table
    from kedge.benchmarks.harness.page import html, markdown
    from kedge.benchmarks.harness.report import score_bars, score_table
    from kedge.benchmarks.harness.runs import read_run
    from kedge.benchmarks.harness.scoring import scores

    read = [read_run(Path(name)) for name in (folder, *others)]
    if len(read) == 1 and len(read[0].methods) == 1:  # with nothing to be compared with
        [run] = read
        questions, found, pairs = run.questions, scores(run.questions, run.records), []
    else:
        both = compared(read)
        questions, found, pairs = both.questions, both.scores, both.pairs
    tables = {"Scores, in percent": score_table(found)}
    if pairs:
        tables["Pairs; differences in percent points"] = pair_table(pairs)
    told = f"{len(questions)} questions"
    shown = "".join(f"<h4>{name}</h4>{html(table)}" for name, table in tables.items())
    text = "\n".join([told, *(f"\n{name}\n{markdown(table)}" for name, table in tables.items())])
    return View(framed(f"<p>{told}</p>{score_bars(questions, found)}{shown}"), text)


def ask(base: KnowledgeBase, question: str, **options: Any) -> Answer:
    """Answer a question, and show what happens while it happens; options as for `KnowledgeBase.ask`.

    Raises:
        MissingExtra: IPython is not installed.
    """
    from kedge._views.notebook import under_way_html

    show = _shown()
    events: list[Event] = []
    for item in iterate(lambda: base.astream(question, **options)):
        if isinstance(item, Answer):
            show(timeline(item))
            return item
        events.append(item)
        show(View(under_way_html(events), item.message))
    raise AssertionError("a method ended without an answer")


def add(base: KnowledgeBase, *sources: str | Path | ParsedDocument, **options: Any) -> AddReport:
    """Add documents with a progress bar; options as for `KnowledgeBase.aadd`.

    Raises:
        MissingExtra: IPython is not installed.
    """
    from kedge._views.notebook import progress_html
    from kedge.tools.knowledge_base import AddReport

    show = _shown()
    for item in iterate(lambda: _adding(base, sources, options)):
        if isinstance(item, AddReport):
            return item
        show(View(progress_html(item), f"{item.done} {item.unit}"))
    raise AssertionError("an addition ended without a report")


async def _adding(
    base: KnowledgeBase, sources: Sequence[str | Path | ParsedDocument], options: Mapping[str, Any]
) -> AsyncIterator[Progress | AddReport]:
    """Progress as it is made, and the report last."""
    made: asyncio.Queue[Progress | None] = asyncio.Queue()
    adding = asyncio.create_task(base.aadd(sources, on_progress=made.put_nowait, **options))
    adding.add_done_callback(lambda _: made.put_nowait(None))
    try:
        while (progress := await made.get()) is not None:
            yield progress
    finally:
        adding.cancel()  # nothing, where it is done
    yield await adding


def _shown() -> Callable[[View], None]:
    """What puts a view in the place of the one before."""
    try:
        from IPython.display import display
    except ModuleNotFoundError as error:
        raise MissingExtra("notebook", "IPython") from error
    place = display(View("", ""), display_id=True)  # type: ignore[no-untyped-call]

    def show(view: View) -> None:
        if place is not None:
            place.update(view)

    return show
