"""A browser without a window, driven over its debugging protocol; tests skip where there is none."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fpdf import FPDF

from kedge import KnowledgeBase
from kedge.testing import FakeEncoder

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # seconds


class Browser:
    """One page of a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol and its result; what the page complains of meanwhile is kept."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE):
            while (message := json.loads(await self._socket.receive_str())).get("id") != number:
                told = message.get("params", {})
                if message.get("method") == "Runtime.exceptionThrown":
                    self.complaints.append(json.dumps(told["exceptionDetails"]))
                if message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
                    self.complaints.append(json.dumps(told["entry"]))
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def run(self, script: str) -> Any:
        """The value of a script, awaited."""
        done = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until what a script gives counts as true."""
        async with asyncio.timeout(PATIENCE):
            while not await self.run(f"Boolean({script})"):
                await asyncio.sleep(0.05)

    async def go(self, url: str, *, wide: int = 1280, tall: int = 900, dark: bool = False) -> None:
        """Open a page in a window of this size, in light or dark."""
        await self.call("Runtime.enable")
        await self.call("Log.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=wide,
            height=tall,
            deviceScaleFactor=1,
            mobile=wide < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press a key, as a person at the keyboard does."""
        given = {"key": key, "windowsVirtualKeyCode": code, "text": text}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **given)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def write(self, text: str) -> None:
        """Type a text where the focus is."""
        await self.call("Input.insertText", text=text)

    async def picture(self, file: Path) -> bytes:
        """What is seen, as a PNG in a file."""
        data = base64.b64decode((await self.call("Page.captureScreenshot"))["data"])
        await asyncio.to_thread(file.write_bytes, data)
        return data


@asynccontextmanager
async def opened_browser(profile: Path) -> AsyncIterator[Browser]:
    """A browser that ends with the context."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no browser: install chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    places = [f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    environment = {**os.environ, "HOME": str(profile)}
    running = await asyncio.create_subprocess_exec(
        program, *options, *places, stderr=asyncio.subprocess.PIPE, env=environment, start_new_session=True
    )
    assert running.stderr is not None
    try:
        line = ""
        while "DevTools listening on ws://" not in line:
            line = (await asyncio.wait_for(running.stderr.readline(), PATIENCE)).decode()
            assert line, "the browser ended"
        address = line.rpartition("ws://")[2].partition("/")[0].strip()
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://{address}/json/new?about:blank") as reply:
                url = (await reply.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(url, max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        os.killpg(running.pid, signal.SIGKILL)  # with its helpers
        await running.wait()


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A page of a browser that nobody has used."""
    async with opened_browser(tmp_path / "browser") as page:
        yield page


@pytest.fixture
def small(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """A knowledge base that may be written to."""
    with KnowledgeBase.open(tmp_path / "small", create=True, encoder=FakeEncoder()) as base:
        yield base


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[KnowledgeBase]:
    """A PDF with a text and, on its second page, a drawing."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=14)
    for text in (
        "The harbour was dug out by hand. It is 3 m deep.",
        "These are the catches of herring by year.",
    ):
        pdf.add_page()
        pdf.multi_cell(0, 8, text)
    for year, height in enumerate((30, 70, 50)):
        pdf.rect(60 + 25 * year, 180 - height, 25, height, style="F")
    pdf.text(60, 190, "Figure 1: Catches by year.")
    pdf.output(str(tmp_path / "harbour.pdf"))
    with KnowledgeBase.open(tmp_path / "paged", create=True, encoder=FakeEncoder()) as base:
        base.add(tmp_path / "harbour.pdf", triples=False, pictures=False)
        yield base
