"""What every test gets: a clean environment, no network but loopback, and the way to real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kedge.testing import FakeEncoder

ROOT = Path(__file__).resolve().parent.parent
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


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see neither the settings, keys and caches of whoever runs them, nor the network."""
    for name in list(os.environ):
        if not name.startswith(KEPT):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
    for scheme in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(scheme, NOWHERE)
    monkeypatch.setenv("no_proxy", LOOPBACK)
    # What a terminal would show must not depend on the terminal that runs the tests.
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which are not part of the repository."""
    folder = Path(os.environ.get("KEDGE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real data: put it in ../shared/data next to the checkout, or name it in KEDGE_DATA")
    return folder


@pytest.fixture
def fake_encoder() -> FakeEncoder:
    """An encoder that needs no weights and no time."""
    return FakeEncoder()
