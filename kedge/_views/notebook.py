"""What a notebook shows besides answers: a knowledge base, a graph to look around in, work under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kedge._views.clean import one_line
from kedge._views.graph import Picture, graph_html
from kedge._views.html import framed
from kedge._views.pages import escape
from kedge._views.svg import plan_svg
from kedge._views.words import near, plural

if TYPE_CHECKING:
    from kedge import KnowledgeBase
    from kedge.graphs.events import Event
    from kedge.tools.knowledge_base import Progress

__all__ = ["base_html", "picture_html", "progress_html", "under_way_html"]

TALL = 520  # pixels of an interactive graph
LISTED = 12  # documents of a knowledge base that are named
LAST = 4  # events of work under way that are shown


def base_html(base: KnowledgeBase) -> str:
    """How large a knowledge base is, and its first documents."""
    stats, documents = base.stats(), base.documents()
    sizes = (
        plural(stats.documents, "document"),
        plural(stats.chunks, "chunk"),
        plural(stats.triples, "triple"),
        f"{stats.entities:,} entities",
        f"{stats.bytes / 1e6:,.1f} MB",
    )
    rows = "".join(
        f"<tr><td>{escape(one_line(item.title or item.source, 80))}</td><td>{escape(item.kind)}</td>"
        f'<td class="place">{escape(near(item.source))}</td></tr>'
        for item in documents[:LISTED]
    )
    more = len(documents) - LISTED
    note = f'<p class="place">and {more:,} more</p>' if more > 0 else ""
    return framed(
        f'<p class="said">{escape(near(str(base.path)))}</p><p>{" · ".join(sizes)}</p>'
        f"<table><tbody>{rows}</tbody></table>{note}"
    )


def picture_html(picture: Picture) -> str:
    """A graph to look around in, as a page of its own inside the notebook's; it can reach nothing outside."""
    page = graph_html(picture.nodes, picture.edges, title=picture.title, note=picture.note)
    return framed(
        f'<iframe sandbox="allow-scripts" height="{TALL}" title="{escape(picture.title)}" '
        f'srcdoc="{escape(page)}"></iframe>'
    )


def under_way_html(events: Sequence[Event]) -> str:
    """What a method is doing: its plan if it has one, and what happened last."""
    lines = "".join(
        f'<li><span class="at">{event.seconds:.2f} s</span> <span class="kind">{escape(event.kind)}</span> '
        f"{escape(one_line(event.message, 160))}</li>"
        for event in events[-LAST:]
    )
    return framed(f'{plan_svg(events)}<ol class="timeline">{lines}</ol>')


def progress_html(now: Progress) -> str:
    """How far an addition is."""
    share = f'value="{now.done}" max="{now.total}"' if now.total else ""
    of = f" of {now.total:,}" if now.total else ""
    return framed(
        f"<progress {share}></progress> {now.done:,}{of} {now.unit} "
        f'<span class="place">{escape(near(now.current))}</span>'
    )
