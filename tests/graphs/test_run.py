"""What the graphs of all methods have in common."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from kedge.graphs.run import METHODS


@pytest.mark.parametrize("method", METHODS)
def test_no_node_and_no_edge_of_a_method_waits_for_a_thread(method: str) -> None:
    """LangGraph runs plain functions in threads of a pool, which costs more than most of them take."""
    builder = import_module(METHODS[method]).builder
    parts: dict[str, Any] = {name: node.runnable for name, node in builder.nodes.items()}
    parts |= {name: branch.path for at in builder.branches.values() for name, branch in at.items()}
    assert parts
    assert [name for name, part in parts.items() if part.afunc is None or part.func is not None] == []
