"""`langgraph dev` serves the methods: threads, streaming, interrupt and resume through its API."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / ".venv-langgraph" / "bin" / "langgraph"
ENGINES = "Which firm made the engines of the ferry that was launched with brine?"

pytestmark = pytest.mark.skipif(
    not SERVER.exists(),
    reason="no LangGraph server: `scripts/setup --doors` installs it",
)


@pytest.fixture(scope="module")
def api(world_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("langgraph")  # where it leaves its state
    shutil.copy(ROOT / "langgraph.json", folder)
    (folder / "kedge").symlink_to(ROOT / "kedge")
    # Reading a file takes a method less time than handing it to a thread: the server need not watch for it.
    flags = ["--no-browser", "--no-reload", "--allow-blocking", "--host", "127.0.0.1", "--port", str(port)]
    command = [SERVER, "dev", *flags]
    environment = {**os.environ, "KEDGE_BASE": str(world_path), "LANGSMITH_TRACING": "false"}
    log = (folder / "log").open("w")
    running = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
    try:
        for _ in range(600):
            assert running.poll() is None, (folder / "log").read_text()
            try:
                client.get("/ok").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield client
    finally:
        client.close()
        running.terminate()
        running.wait(20)
        log.close()


def posted(api: httpx.Client, path: str, **body: Any) -> Any:
    response = api.post(path, json=body)
    response.raise_for_status()
    return response.json()


@pytest.mark.timeout(240)
def test_threads_stream_and_are_resumed_over_http(api: httpx.Client) -> None:
    names = {found["graph_id"] for found in posted(api, "/assistants/search", limit=50)}
    assert {"metakgrag", "parallel", "research"} <= names
    thread = posted(api, "/threads")["thread_id"]
    run: dict[str, Any] = {"assistant_id": "metakgrag", "context": {"steered": True, "rounds": 2}}
    body = {**run, "input": {"question": ENGINES}, "stream_mode": ["updates"]}
    with api.stream("POST", f"/threads/{thread}/runs/stream", json=body) as response:
        events = "".join(response.iter_text())
    assert "__interrupt__" in events, events
    assert api.get(f"/threads/{thread}").json()["status"] == "interrupted"
    ended = posted(api, f"/threads/{thread}/runs/wait", **run, command={"resume": {"action": "stop"}})
    assert ended["answer"]["abstention"]["reason"] == "missing hop"
    state = api.get(f"/threads/{thread}/state").json()
    assert state["values"]["answer"]["question"] == ENGINES
