"""Starting, watching and stopping a server: with a stand-in for vLLM that starts at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedge.errors import InputError, ModelError
from kedge.tools.models.vllm_install import find_vllm
from kedge.tools.models.vllm_options import LoraLimits, VllmOptions
from kedge.tools.models.vllm_server import ServerEvent, VllmServer

FAKE = Path(__file__).with_name("fake_vllm.py")
Make = Callable[..., VllmServer]


@pytest.fixture
def vllm(tmp_path: Path) -> Path:
    """An environment whose Python plays that it has vLLM."""
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    python.chmod(0o755)
    return python.parents[1]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def events() -> list[ServerEvent]:
    return []


@pytest.fixture
def make(vllm: Path, model: Path, tmp_path: Path, events: list[ServerEvent]) -> Make:
    def make(*flags: str, port: int | None = None, name: str | None = None, **options: Any) -> VllmServer:
        served = VllmOptions(
            str(model), vllm=vllm, port=port, name=name, flags=flags, lora=LoraLimits(rank=9, adapters=2)
        )
        return VllmServer(served, tmp_path / "logs" / "vllm.log", on_event=events.append, **options)

    return make


def processes(log: Path) -> list[int]:
    """Those of the server that was started last."""
    return [int(pid) for pid in re.findall(r"^processes (\d+) (\d+)$", log.read_text(), re.MULTILINE)[-1]]


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def gone(*pids: int) -> bool:
    for _ in range(200):
        if not any(map(alive, pids)):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_server_runs_inside_the_block_and_all_of_it_ends_with_it(
    make: Make, events: list[ServerEvent]
) -> None:
    async with make() as server:
        assert server.running
        assert await server._models() == ["tiny"]
        pids = processes(server.log)
        assert all(map(alive, pids))
    assert not server.running
    assert await gone(*pids)
    assert [event.kind for event in events] == ["starting", *["loading"] * 4, "ready", "stopped"]
    assert [event.message for event in events if event.kind == "loading"] == [
        "the model is a Qwen3ForCausalLM",
        "loading weights",
        "loading weights, 0/2",
        "loading weights, 1/2",
    ]


async def test_what_ignores_the_polite_signal_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.tools.models.vllm_server.GRACE", 0.3)
    async with make("--stubborn") as server:
        pids = processes(server.log)
    assert await gone(*pids)


@pytest.mark.parametrize(
    ("flag", "what", "fix"),
    [
        ("--oom", "out of memory", "smaller model"),
        ("--taken", "port is taken", "another port"),
        ("--unknown", "does not know --unknown", "leave it out"),
        ("--crash", "RuntimeError: head_dim=16 is not supported", "vllm.log"),
        ("--other", "another server", "another port"),
    ],
)
async def test_a_failing_start_says_why_and_leaves_nothing(
    make: Make, flag: str, what: str, fix: str
) -> None:
    server = make(flag)
    with pytest.raises(ModelError) as failure:
        await server.start()
    assert what in failure.value.message
    assert fix in failure.value.fix
    assert await gone(*processes(server.log))


async def test_a_server_that_never_answers_is_given_up(make: Make) -> None:
    server = make("--hang", patience=6.0)
    with pytest.raises(ModelError, match="did not answer"):
        await server.start()
    assert await gone(*processes(server.log))


async def test_cancelling_a_start_leaves_nothing(make: Make) -> None:
    server = make("--hang")
    starting = asyncio.create_task(server.start())
    while not (server.log.exists() and "processes" in server.log.read_text()):
        await asyncio.sleep(0.05)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await gone(*processes(server.log))


async def test_a_server_that_died_is_started_again_with_its_adapters(
    make: Make, events: list[ServerEvent], adapter: Path
) -> None:
    async with make(restarts=1) as server:
        await server.load_adapter("facts", adapter)
        url, first = server.url, processes(server.log)
        os.kill(first[0], signal.SIGKILL)
        assert await gone(*first), "what it had started ends with it"
        while "died" not in [event.kind for event in events]:
            await asyncio.sleep(0.05)
        await server.ready()
        assert server.url == url
        assert await server._models() == ["tiny", "facts"]
        second = processes(server.log)
        assert second != first
        os.kill(second[0], signal.SIGKILL)
        assert await gone(*second)
        with pytest.raises(ModelError, match="it was killed"):
            await server.wait()
        with pytest.raises(ModelError, match="it was killed"):
            await server.ready()


async def test_restarting_on_request(make: Make, adapter: Path) -> None:
    async with make() as server:
        await server.load_adapter("facts", adapter)
        first = processes(server.log)
        await server.restart()
        assert processes(server.log) != first
        assert await gone(*first)
        assert await server._models() == ["tiny", "facts"]


async def test_a_running_server_is_adopted_and_left_alone(make: Make, events: list[ServerEvent]) -> None:
    async with make() as first:
        async with make(port=first.port) as second:
            assert second.adopted
            assert second.url == first.url
            with pytest.raises(ModelError, match="was not started here"):
                await second.restart()
        assert await first._models() == ["tiny"]
        with pytest.raises(ModelError, match="already serves tiny, not large"):
            await make(port=first.port, name="large").start()
    assert "adopted" in [event.kind for event in events]


async def test_a_port_that_something_else_has(make: Make) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0)
        port = other.getsockname()[1]
        # Whoever listens there takes the connection and says nothing.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kedge.tools.models.vllm_server.REQUEST", 0.3)
            with pytest.raises(ModelError, match=f"port {port} is taken"):
                await make(port=port).start()


def test_a_server_ends_with_the_process_that_started_it(vllm: Path, model: Path, tmp_path: Path) -> None:
    script = f"""
import asyncio, pathlib
from kedge.tools.models.vllm_options import VllmOptions
from kedge.tools.models.vllm_server import VllmServer
async def main():
    options = VllmOptions({str(model)!r}, vllm=pathlib.Path({str(vllm)!r}))
    async with VllmServer(options, pathlib.Path({str(tmp_path / "log")!r})):
        print("ready", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        pids = processes(tmp_path / "log")
        assert all(map(alive, pids))
        parent.kill()
    assert asyncio.run(gone(*pids))


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "facts"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    return folder


async def test_adapters_are_loaded_within_limits(make: Make, adapter: Path, tmp_path: Path) -> None:
    async with make() as server:
        await server.load_adapter("one", adapter)
        with pytest.raises(InputError, match="has a one already"):
            await server.load_adapter("one", adapter)
        with pytest.raises(InputError, match="has a tiny already"):
            await server.load_adapter("tiny", adapter)
        with pytest.raises(InputError, match="no adapter at"):
            await server.load_adapter("two", tmp_path / "missing")
        await server.load_adapter("two", adapter)
        with pytest.raises(InputError, match="which is the limit"):
            await server.load_adapter("three", adapter)
        await server.unload_adapter("one")
        await server.load_adapter("three", adapter)
        assert dict(server.adapters) == {"two": adapter, "three": adapter}
        with pytest.raises(ModelError, match="no adapter one"):
            await server.unload_adapter("one")


async def test_arguments_follow_the_machine(model: Path) -> None:
    options = VllmOptions(str(model), lora=LoraLimits(rank=9, adapters=2), flags=("--seed", "1"), gpus=2)
    cpu, gpu = (" ".join(options.arguments(8000, cpu=cpu)) for cpu in (True, False))
    assert "--enforce-eager" in cpu
    assert "--kv-cache-memory-bytes 2147483648" in cpu
    assert "--tensor-parallel-size 2" in gpu
    assert "--kv-cache" not in gpu
    for arguments in (cpu, gpu):
        assert arguments.startswith(f"serve {model} --host 127.0.0.1 --port 8000 --served-model-name tiny")
        assert "--max-lora-rank 16 --max-loras 3" in arguments
        assert arguments.endswith("--seed 1")
    assert options.environment(cpu=False)["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in VllmOptions("org/model").environment(cpu=False)


@pytest.mark.parametrize("missing", ["./model", "a/b/c", "/nowhere", ""])
def test_a_model_that_is_nowhere(missing: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model at"):
        VllmServer(VllmOptions(missing), tmp_path / "log")


def test_a_folder_without_a_model_and_a_rank_that_is_too_high(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        VllmServer(VllmOptions(str(tmp_path)), tmp_path / "log")
    with pytest.raises(InputError, match="rank of 1000"):
        VllmServer(VllmOptions("org/model", lora=LoraLimits(rank=1000)), tmp_path / "log")


def test_an_environment_without_vllm_is_named(vllm: Path, tmp_path: Path) -> None:
    assert find_vllm(vllm).cpu
    assert find_vllm(vllm / "bin" / "python").version == "0.0"
    for where in (Path(sys.executable), tmp_path, tmp_path / "missing", FAKE):
        with pytest.raises(ModelError, match=re.escape(f"{where} has no vLLM")):
            find_vllm(where)


def test_without_any_vllm_the_fix_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match="vLLM is not installed") as failure:
        find_vllm()
    assert "kedge[vllm]" in failure.value.fix


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signals here")
def test_the_command_stops_everything_on_an_interrupt(vllm: Path, model: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    command = [sys.executable, "-m", "kedge", "serve", "vllm", str(model), "--vllm", str(vllm)]
    command += ["--port", str(port), "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        assert serving.stdout.readline() == f"tiny is served at http://127.0.0.1:{port}/v1\n"
        pids = processes(log)
        time.sleep(0.2)
        serving.send_signal(signal.SIGINT)
        said = serving.stderr.read()
    assert serving.returncode == 0, said
    assert "loading weights, 1/2" in said
    assert said.endswith("stopped\n")
    assert asyncio.run(gone(*pids))
