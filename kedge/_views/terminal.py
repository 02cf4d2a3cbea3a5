"""What the command line shows, as rich renderables; the same things as plain text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from kedge._views.clean import clean, one_line
from kedge._views.paths import Branch, branches
from kedge._views.words import cost_line, near, place_of, reason_in_words, span_of

if TYPE_CHECKING:
    from kedge.graphs.answer import Answer, Citation, Step
    from kedge.graphs.events import Event
    from kedge.tools.knowledge_base import Chunk, Document, Evidence, Triple

__all__ = [
    "answer_renderable",
    "answer_text",
    "chunk_renderable",
    "documents_table",
    "event_line",
    "evidence_renderable",
    "facts",
    "path_tree",
    "plain",
    "triples_table",
]

QUOTE = 280


def answer_renderable(answer: Answer, *, trace: bool = False) -> RenderableType:
    """The answer, or why there is none, with its sources, evidence path and cost."""
    parts = _declined(answer) if answer.text is None else _answered(answer)
    if answer.path:
        parts += [_heading("Evidence path"), Padding(path_tree(answer.path), (0, 0, 0, 2))]
    if answer.warnings:
        parts += [_heading("Warnings"), *(Text(f"  • {one_line(warning)}") for warning in answer.warnings)]
    if trace and answer.trace:
        parts += [_heading("Trace"), *(Padding(event_line(event), (0, 0, 0, 2)) for event in answer.trace)]
    return Group(*parts, Text(""), Text(cost_line(answer), style="dim"))


def answer_text(answer: Answer, *, width: int = 100, trace: bool = False) -> str:
    """The same as plain text, without colour."""
    return plain(answer_renderable(answer, trace=trace), width=width)


def plain(renderable: RenderableType, *, width: int = 100) -> str:
    """A renderable as plain text of at most `width` columns."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, highlight=False, legacy_windows=False
    )
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def event_line(event: Event) -> Text:
    """One event of a trace: when, what kind, what happened."""
    where = f"round {event.round}" if event.round else ""
    return Text.assemble(
        (f"{event.seconds:6.2f} s  ", "dim"),
        (f"{event.kind:<10}", "cyan"),
        (f"{where:<9} ", "dim"),
        one_line(event.message, 200),
    )


def path_tree(steps: Iterable[Step]) -> RenderableType:
    """The evidence path drawn as trees."""
    return Group(
        *(_grown(Tree(Text(one_line(b.entity), "bold"), guide_style="dim"), b) for b in branches(steps))
    )


def documents_table(documents: Sequence[Document]) -> Table:
    """One line per document."""
    table = Table("id", "title", "kind", box=None, pad_edge=False, header_style="dim")
    table.add_column("source", overflow="fold")
    table.add_column("characters", justify="right")
    table.add_column("chunks", justify="right")
    for item in documents:
        table.add_row(
            Text(item.id, "dim"),
            Text(one_line(item.title, 60)),
            Text(item.kind),
            Text(near(item.source)),
            f"{item.characters:,}",
            f"{item.chunks:,}",
        )
    return table


def triples_table(triples: Sequence[Triple]) -> RenderableType:
    """One line per triple."""
    return Group(
        *(
            Text.assemble(
                (one_line(t.subject), "bold"),
                (f" — {one_line(t.relation)} → ", "cyan"),
                (one_line(t.object), "bold"),
                (f"  chunk {t.chunk_id}, {t.confidence:.2f}", "dim"),
            )
            for t in triples
        )
    )


def chunk_renderable(chunk: Chunk) -> RenderableType:
    """A chunk's place and its whole text."""
    place = [f"chunk {chunk.id}", f"characters {chunk.start}–{chunk.end}"]
    place += [f"page {chunk.page}"] if chunk.page else []
    place += [span_of(time)] if (time := chunk.time()) else []
    place += [one_line(chunk.heading)] if chunk.heading else []
    return Group(Text(" · ".join(place), "dim"), Padding(Text(clean(chunk.text)), (0, 0, 1, 2)))


def evidence_renderable(evidence: Sequence[Evidence]) -> RenderableType:
    """Search results, best first: title, place, why it was found, and how it begins."""
    lines: list[RenderableType] = []
    for rank, item in enumerate(evidence, start=1):
        chunk = item.chunk
        page = f", page {chunk.page}" if chunk.page else ""
        page += f", {span_of(time)}" if (time := chunk.time()) else ""
        head = Text.assemble(
            (f"{rank:>2}  ", "dim"),
            (one_line(chunk.title or chunk.source, 80), "bold"),
            (f"  {near(chunk.source)}{page}, characters {chunk.start}–{chunk.end}", "dim"),
        )
        why = Text(f"score {item.score:.3f} · {one_line(item.reason)}", "dim")
        lines += [head, Padding(why, (0, 0, 0, 4)), Padding(Text(one_line(chunk.text, QUOTE)), (0, 0, 1, 4))]
    return Group(*lines)


def facts(pairs: Iterable[tuple[str, object]]) -> RenderableType:
    """Names and values, aligned."""
    rows = [
        (clean(name), f"{value:,}" if isinstance(value, int) else clean(str(value))) for name, value in pairs
    ]
    width = max((len(name) for name, _ in rows), default=0)
    return Group(*(Text.assemble((f"{name:<{width}}  ", "dim"), value) for name, value in rows))


def _answered(answer: Answer) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(clean(answer.text or ""), "bold green")]
    if answer.citations:
        parts += [_heading("Sources"), *(_citation(citation) for citation in answer.citations)]
    return parts


def _declined(answer: Answer) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(reason_in_words(answer), "bold yellow")]
    abstention = answer.abstention
    if abstention is not None and abstention.missing:
        parts.append(_heading("Missing"))
        for gap in abstention.missing:
            about = one_line(" · ".join(part for part in (gap.kind, gap.target, gap.slot) if part))
            parts.append(Text.assemble(("  • ", "dim"), one_line(gap.description), (f"  ({about})", "dim")))
    if abstention is not None and abstention.nearest:
        parts += [_heading("Nearest found"), *(_citation(citation) for citation in abstention.nearest)]
    return parts


def _citation(citation: Citation) -> RenderableType:
    title = one_line(citation.title)
    head = Text.assemble(
        (f"  [{citation.number}] ", "cyan"), title + "  " if title else "", (place_of(citation), "dim")
    )
    return Group(head, Padding(Text(f"“{one_line(citation.quote, QUOTE)}”", "italic"), (0, 0, 0, 6)))


def _heading(title: str) -> Text:
    return Text(f"\n{title}", "bold cyan")


def _grown(tree: Tree, branch: Branch) -> Tree:
    for child in branch.children:
        arrow = f"{one_line(child.relation)} → " if child.forward else f"← {one_line(child.relation)} — "
        note = f" [{child.citation}]" if child.citation else ""
        label = Text.assemble((arrow, "cyan"), (one_line(child.entity), "bold"), (note, "cyan"))
        _grown(tree.add(label), child)
    return tree
