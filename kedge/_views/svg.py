"""Evidence paths and plans as inline SVG: boxes in columns, arrows between them. No script, no reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kedge._views.clean import one_line
from kedge._views.pages import escape
from kedge._views.paths import Branch, branches

if TYPE_CHECKING:
    from kedge.graphs.answer import Step
    from kedge.graphs.events import Event

__all__ = ["Arrow", "Box", "drawn", "path_svg", "plan_svg"]

GLYPH = 7.4  # pixels that a character takes, about
LABEL, WORDS = 34, 30  # characters of a box's label, and of an arrow's
HEIGHT, GAP = 30, 16  # pixels of a box, and between boxes
BETWEEN = 56  # pixels between columns, besides the words on the arrows


@dataclass(frozen=True, slots=True)
class Box:
    """Something in a column; columns count from 0. `kind` is the state of a step, or nothing."""

    id: str
    label: str
    column: int
    kind: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, with words."""

    source: str
    target: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    left: float
    top: float
    width: float

    @property
    def middle(self) -> float:
        return self.top + HEIGHT / 2

    @property
    def right(self) -> float:
        return self.left + self.width


def drawn(boxes: Sequence[Box], arrows: Sequence[Arrow], *, title: str) -> str:
    """Boxes in their columns, from top to bottom in the order given, and the arrows between them.

    Example:
        >>> picture = drawn([Box("a", "Ada", 0), Box("b", "Gull", 1)], [Arrow("a", "b", "built")], title="x")
        >>> picture.count("<rect"), picture.count('class="arrow"'), ">built</text>" in picture
        (2, 1, True)
    """
    places = _placed(boxes, arrows)
    width = max((place.right for place in places.values()), default=0) + 2
    height = max((place.top for place in places.values()), default=0) + HEIGHT + 2
    lines = "".join(_arrow(arrow, places) for arrow in arrows)
    shapes = "".join(_box(box, places[box.id]) for box in boxes)
    return (
        f'<svg class="drawing" role="img" aria-label="{escape(one_line(title, 300))}" '
        f'viewBox="-2 -2 {width + 4:.0f} {height + 4:.0f}" width="{width + 4:.0f}">'
        f"{lines}{shapes}</svg>"
    )


def path_svg(steps: Iterable[Step]) -> str:
    """An evidence path: every entity once, arrows as the relations point, with the numbers of citations."""
    steps = tuple(steps)
    boxes: dict[str, Box] = {}

    def grow(branch: Branch, column: int) -> None:
        key = _key(branch.entity)
        if key not in boxes:
            boxes[key] = Box(key, one_line(branch.entity, LABEL), column, told=one_line(branch.entity))
        for child in branch.children:
            grow(child, column + 1)

    for root in branches(steps):
        grow(root, 0)
    arrows = [
        Arrow(
            _key(step.subject),
            _key(step.object),
            one_line(step.relation, WORDS) + (f" [{step.citation}]" if step.citation else ""),
        )
        for step in steps
    ]
    told = "; ".join(f"{step.subject} {step.relation} {step.object}" for step in steps)
    return drawn(list(boxes.values()), arrows, title=f"Evidence path: {told}")


def plan_svg(events: Sequence[Event]) -> str:
    """The last plan among these events: its steps by what they wait for, with what became of each."""
    plans = [event for event in events if event.kind == "planned" and event.data.get("steps")]
    if not plans:
        return ""
    steps: list[dict[str, Any]] = plans[-1].data["steps"]
    ran = {event.data["id"]: event.data for event in events if event.kind == "branch"}
    columns: dict[str, int] = {}
    for step in steps:  # each comes after those that it waits for
        columns[step["id"]] = 1 + max((columns[name] for name in step["depends_on"]), default=-1)
    boxes = [_step(step, ran.get(step["id"], {}), columns[step["id"]]) for step in steps]
    arrows = [Arrow(name, step["id"]) for step in steps for name in step["depends_on"]]
    return drawn(boxes, arrows, title=f"Plan: {'; '.join(str(step['question']) for step in steps)}")


def _step(step: Mapping[str, Any], now: Mapping[str, Any], column: int) -> Box:
    question = str(now.get("question", step["question"]))
    answer = str(now.get("answer") or now.get("failure") or "")
    state = str(now.get("state", "waiting"))
    label = f"#{step['id']} {one_line(question, LABEL)}" + (
        f" → {one_line(answer, LABEL // 2)}" if answer else ""
    )
    told = f"#{step['id']} {question}" + (f" → {answer}" if answer else "") + f" ({state})"
    return Box(str(step["id"]), label, column, state, one_line(told))


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _placed(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> dict[str, _Place]:
    columns: dict[int, list[Box]] = defaultdict(list)
    for box in boxes:
        columns[box.column].append(box)
    where = {box.id: box.column for box in boxes}
    words: dict[int, int] = defaultdict(int)  # the longest words between a column and the next
    for arrow in arrows:
        nearer = min(where[arrow.source], where[arrow.target])
        words[nearer] = max(words[nearer], len(arrow.words))
    places: dict[str, _Place] = {}
    left = 0.0
    tallest = max((len(column) for column in columns.values()), default=0)
    for number in sorted(columns):
        column = columns[number]
        width = max(len(box.label) for box in column) * GLYPH + 22
        top = (tallest - len(column)) * (HEIGHT + GAP) / 2
        for at, box in enumerate(column):
            places[box.id] = _Place(left, top + at * (HEIGHT + GAP), width)
        left += width + BETWEEN + words[number] * GLYPH * 0.85
    return places


def _box(box: Box, place: _Place) -> str:
    at = f'x="{place.left:.0f}" y="{place.top:.0f}" width="{place.width:.0f}" height="{HEIGHT}"'
    middle = f'x="{place.left + place.width / 2:.0f}" y="{place.middle + 4.5:.0f}"'
    return (
        f'<g class="box {escape(box.kind)}"><title>{escape(box.told or box.label)}</title>'
        f'<rect {at} rx="9"/><text {middle}>{escape(box.label)}</text></g>'
    )


def _arrow(arrow: Arrow, places: Mapping[str, _Place]) -> str:
    """A curve from side to side; within a column, or to itself, an arc at the right."""
    start, end = places[arrow.source], places[arrow.target]
    begin, finish = start.middle, end.middle
    if start.left == end.left:
        one = other = max(start.right, end.right)
        bend, finish = one + BETWEEN * 0.7, end.middle + 6
    else:
        one, other = (start.right, end.left) if start.left < end.left else (start.left, end.right)
        bend = (one + other) / 2
    line = f"M{one:.0f} {begin:.0f}C{bend:.0f} {begin:.0f} {bend:.0f} {finish:.0f} {other:.0f} {finish:.0f}"
    back = -7 if other > bend else 7
    tip = f"M{other + back:.0f} {finish - 4:.0f}L{other:.0f} {finish:.0f}L{other + back:.0f} {finish + 4:.0f}"
    words = f'<text x="{bend:.0f}" y="{(begin + finish) / 2 - 5:.0f}">{escape(arrow.words)}</text>'
    return f'<g class="arrow"><path d="{line}{tip}"/>{words if arrow.words else ""}</g>'
