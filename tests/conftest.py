"""What every test gets: a clean environment, no network but loopback, and the way to real data."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kedge.testing import FakeEncoder, make_tiny_model
from kedge.tools.models.vllm_options import LoraLimits, VllmOptions
from kedge.tools.models.vllm_server import VllmServer

if TYPE_CHECKING:
    from kedge import KnowledgeBase

# In a background job interrupts are ignored, and some tests are about interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
VLLM_PATIENCE = 240.0  # seconds for a start that takes 17 on a quiet machine
LOOPBACK = "127.0.0.1,localhost,::1"
# Port 9 is closed: a subprocess that tries the network, where pytest-socket cannot see it, fails at once.
NOWHERE = "http://127.0.0.1:9"
KEPT = (
    "PATH",
    "LANG",
    "LC_",
    "TMPDIR",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
    "PYTEST_",
    "COVERAGE",
    "CI",
    "KEDGE_DATA",
)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests see neither the settings, keys and caches of whoever runs them, nor the network."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if not name.startswith(KEPT):
                patch.delenv(name)
        for scheme in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(scheme, NOWHERE)
        patch.setenv("no_proxy", LOOPBACK)
        # What a terminal would show must not depend on the terminal that runs the tests.
        patch.setenv("COLUMNS", "100")
        patch.setenv("NO_COLOR", "1")
        patch.setenv("TERM", "dumb")
        _move_home(patch, tmp_path_factory)
        yield


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What one test leaves in the home directory, caches above all, does not help or harm the next."""
    _move_home(monkeypatch, tmp_path_factory)


def _move_home(patch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    patch.setenv("HOME", str(home))
    for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
        patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which are not part of the repository."""
    folder = Path(os.environ.get("KEDGE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real data: put it in ../shared/data next to the checkout, or name it in KEDGE_DATA")
    return folder


@pytest.fixture(scope="session")
def world_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base of the example documents, built once: copy the folder before changing it."""
    from kedge import KnowledgeBase

    path = tmp_path_factory.mktemp("world") / "base"
    with KnowledgeBase.open(path, create=True) as base:
        base.add(ROOT / "examples" / "world")
    return path


@pytest.fixture
def world(world_path: Path) -> Iterator[KnowledgeBase]:
    """That knowledge base, open, for tests that only read."""
    from kedge import KnowledgeBase

    with KnowledgeBase.open(world_path) as base:
        yield base


@pytest.fixture
def fake_encoder() -> FakeEncoder:
    """An encoder that needs no weights and no time."""
    return FakeEncoder()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for vLLM to start."""
    for item in items:
        if "vllm_environment" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(VLLM_PATIENCE + 60))


@pytest.fixture(scope="session")
def vllm_environment() -> Path:
    """The environment with a real vLLM for the CPU."""
    folder = ROOT / ".venv-vllm"
    if not folder.is_dir():
        pytest.skip("no vLLM: `scripts/setup --vllm` installs it, on Linux with an x86-64 processor")
    return folder


@pytest.fixture(scope="session")
def torch_packages(vllm_environment: Path) -> list[str]:
    """Where torch and transformers are, to be looked for after all packages that Kedge itself has."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [str(packages) for packages in vllm_environment.glob(f"lib/{version}/site-packages")]


@pytest.fixture(scope="session")
def torch_installed(torch_packages: list[str]) -> None:
    """Torch and transformers can be imported: those of vLLM."""
    sys.path += torch_packages
    pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights, to be served; change nothing in it."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def vllm_server(
    tmp_path_factory: pytest.TempPathFactory, vllm_environment: Path, tiny_model: Path
) -> Iterator[VllmServer]:
    """A real vLLM that serves the tiny model, started for the first test that needs it; leave it running."""
    options = VllmOptions(
        str(tiny_model),
        vllm=vllm_environment,
        context=1024,
        kv_gib=0.25,
        threads=1,
        dtype="float32",  # alone or in a batch, the same to the last bit
        lora=LoraLimits(rank=8, adapters=63),
        flags=("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        cache=vllm_environment / "cache",
    )
    log = tmp_path_factory.mktemp("vllm") / "vllm.log"
    server = VllmServer(options, log, patience=VLLM_PATIENCE)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
