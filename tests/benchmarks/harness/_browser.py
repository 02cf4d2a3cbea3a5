"""A browser without a window, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def screenshot(page: Path, picture: Path, *, width: int = 1200, height: int = 1600) -> None:
    """Draw a page, with the network off; skips where no Chromium is installed."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("no Chromium: apt install chromium")
    options = [
        "--headless",
        "--no-sandbox",  # a container has none to give
        "--disable-gpu",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={picture.parent / 'profile'}",
        f"--window-size={width},{height}",
        f"--screenshot={picture}",
    ]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True, timeout=90)
