"""What `kedge doctor` says of a model server on this machine."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from kedge import _doctor
from kedge._doctor import Check, examine
from kedge._settings import Settings
from kedge.errors import ModelError
from kedge.tools.models import Installation, vllm_install


def checks(settings: Settings, base: Path) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, base)}


def installed(monkeypatch: pytest.MonkeyPatch, *, cpu: bool) -> None:
    found = Installation(Path(sys.executable), "0.32.0", cpu)
    monkeypatch.setattr(vllm_install, "find_vllm", lambda _: found)


def test_vllm_for_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, cpu=True)
    monkeypatch.setattr(_doctor, "VLLM_ROOM", 1)
    assert checks(Settings(), tmp_path)["vllm"].status == "ok"
    monkeypatch.setattr(_doctor, "VLLM_ROOM", 10**18)
    if Path("/proc/meminfo").exists():
        assert checks(Settings(), tmp_path)["memory"].status == "problem"


def test_vllm_for_gpus_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, cpu=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = checks(Settings(), tmp_path)["vllm"]
    assert found.status == "problem"
    assert "driver" in found.fix


@pytest.mark.parametrize(("named", "status"), [(None, "missing"), (Path("nowhere"), "problem")])
def test_no_vllm(named: Path | None, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ModelError("vLLM is not installed", fix="pip install it")

    monkeypatch.setattr(vllm_install, "find_vllm", fail)
    found = checks(Settings(vllm=named), tmp_path)
    assert found["vllm"].status == status
    assert found["vllm"].fix == "pip install it"
    assert "port" not in found


def test_a_port_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, cpu=True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr("kedge._cli._serve.PORT", other.getsockname()[1])
        assert checks(Settings(), tmp_path)["port"].status == "missing"
    assert checks(Settings(), tmp_path)["port"].status == "ok"
