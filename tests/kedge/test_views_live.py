"""The tree of branches, while they run."""

from __future__ import annotations

from typing import Any

from kedge._views.live import under_way
from kedge._views.terminal import plain
from kedge.graphs.events import Event

STEPS = [
    {"id": "1", "question": "Who built the pier?", "depends_on": [], "operation": "search"},
    {"id": "2", "question": "When was #1 born?", "depends_on": ["1"], "operation": "search"},
    {"id": "3", "question": "When was Ada born?", "depends_on": [], "operation": "search"},
    {"id": "4", "question": "Who is older?", "depends_on": ["2", "3"], "operation": "earliest"},
]


def branch(id: str, state: str, **data: Any) -> Event:
    return Event(kind="branch", message=f"#{id}", data={"id": id, "state": state, **data})


def test_every_branch_shows_its_state_below_what_it_waits_for() -> None:
    planned = Event(kind="planned", message="4 steps", data={"steps": STEPS})
    events = [
        planned,
        branch("1", "searching"),
        branch("1", "done", answer="Ben Lowe"),
        branch("2", "searching", question="When was Ben Lowe born?"),
        branch("3", "failed", failure="timed out"),
    ]
    assert plain(under_way(events)).splitlines() == [
        "4 steps",
        "├── ✓ #1 Who built the pier?  Ben Lowe",
        "│   └── … #2 When was Ben Lowe born?",
        "└── ✗ #3 When was Ada born?  timed out",
        "    └── · #4 Who is older?  with #2",
    ]


def test_what_has_no_branches_is_one_line() -> None:
    shown = plain(under_way([Event(kind="perceived", message="8 walks\x1b[31m and 3 passages")]))
    assert shown.endswith("8 walks and 3 passages") or "8 walks" in shown
    assert "\x1b" not in shown


def test_nothing_has_happened_yet() -> None:
    assert plain(under_way([])) == ""
