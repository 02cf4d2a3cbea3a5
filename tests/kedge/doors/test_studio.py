"""The methods as a LangGraph server runs them: threads, streaming, interrupt and resume, in plain JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from kedge import studio
from kedge.errors import InputError
from kedge.graphs.run import METHODS
from kedge.studio import Options, served

ROOT = Path(__file__).resolve().parents[3]
CHARTER = "In which year did Averrin receive its charter?"
ENGINES = "Which firm made the engines of the ferry that was launched with brine?"


@pytest.fixture(autouse=True)
def _settings(world_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KEDGE_BASE", str(world_path))
    studio._base.cache_clear()
    yield
    if studio._base.cache_info().currsize:
        studio._base().close()
        studio._base.cache_clear()


def test_every_method_is_served() -> None:
    named = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert set(named) == set(METHODS)
    for name, place in named.items():
        assert place == f"./kedge/studio.py:{name}"
        assert getattr(studio, name).name == name
    with pytest.raises(InputError):
        served("guess")


@pytest.mark.parametrize("method", ["metakgrag", "retrieve_read", "parallel"])
async def test_a_question_becomes_an_answer_in_json(method: str) -> None:
    ended = await getattr(studio, method).ainvoke({"question": CHARTER})
    assert json.loads(json.dumps(ended))["answer"]["method"] == method


async def test_threads_stream_are_interrupted_and_resumed() -> None:
    graph = served("metakgrag")
    graph.checkpointer = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "one"}}
    options = Options(rounds=2, steered=True)
    stream = graph.astream({"question": ENGINES}, config, context=options, stream_mode="updates")
    parts: list[Any] = [part async for part in stream]
    proposal = parts[-1]["__interrupt__"][0].value
    assert proposal["aim"]
    choice = Command(resume={"action": "stop"})
    ended = await graph.ainvoke(choice, config, context=options)
    assert ended["answer"]["abstention"]["reason"] == "missing hop"
    again = await graph.aget_state(config)
    assert again.values["answer"] == ended["answer"]
    assert not again.next
