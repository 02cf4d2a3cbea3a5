"""What a method is doing, while it does it: the branches of a plan as a tree, anything else in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.text import Text
from rich.tree import Tree

from kedge._views.clean import one_line

if TYPE_CHECKING:
    from kedge.graphs.events import Event

__all__ = ["under_way"]

MARKS = {
    "waiting": ("·", "dim"),
    "searching": ("…", "cyan"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "yellow"),
}
WIDTH = 100


def under_way(events: Sequence[Event]) -> RenderableType:
    """The plans so far with the state of each branch, and what happened last.

    Example:
        >>> from types import SimpleNamespace as Event
        >>> step = {"id": "1", "question": "When was Ada born?", "depends_on": [], "operation": "search"}
        >>> planned = Event(kind="planned", message="1 step", data={"steps": [step]})
        >>> done = Event(kind="branch", message="", data={"id": "1", "state": "done", "answer": "1840"})
        >>> from kedge._views.terminal import plain
        >>> print(plain(under_way([planned, done])))
        1 step
        └── ✓ #1 When was Ada born?  1840
    """
    ran = {event.data["id"]: event.data for event in events if event.kind == "branch"}
    plans = [event for event in events if event.kind == "planned" and event.data.get("steps")]
    trees = [_tree(event, ran) for event in plans]
    last = events[-1] if events else None
    if last is None or last in plans or last.kind == "branch":
        return Group(*trees)
    return Group(*trees, Spinner("dots", Text(one_line(last.message, WIDTH))))


def _tree(planned: Event, ran: dict[str, dict[str, Any]]) -> Tree:
    """Each step below the last one that it waits for; the others that it waits for are named."""
    tree = Tree(Text(one_line(planned.message, WIDTH), "bold"), guide_style="dim")
    places = {"": tree}
    for step in planned.data["steps"]:
        before = step["depends_on"]
        above = before[-1] if before else ""
        places[step["id"]] = places.get(above, tree).add(_line(step, ran.get(step["id"], {})))
    return tree


def _line(step: dict[str, Any], now: dict[str, Any]) -> Text:
    mark, style = MARKS[now.get("state", "waiting")]
    told = now.get("answer") or now.get("failure") or ""
    others = ", ".join(f"#{name}" for name in step["depends_on"][:-1])
    return Text.assemble(
        (f"{mark} #{step['id']} ", style),
        one_line(now.get("question", step["question"]), WIDTH),
        (f"  with {others}" if others else "", "dim"),
        (f"  {one_line(str(told), WIDTH)}" if told else "", "bold" if now.get("state") == "done" else style),
    )
