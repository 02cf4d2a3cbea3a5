"""The documentation site: whole, built without a warning, and nothing on it from another server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_public_names import exported, public_names

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MKDOCS = ROOT / ".venv-docs" / "bin" / "mkdocs"
# What a browser fetches by itself, as against links that a person follows.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\ssrc=["']?(?:https?:)?//|"""
    r"""<link\b[^>]*\srel=["']?(?:stylesheet|icon|preconnect|preload)[^>]*\shref=["']?(?:https?:)?//|"""
    r"""(?:url\(|@import )["']?(?:https?:)?//"""
)


def settings() -> dict[str, Any]:
    given: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    return given


def pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in pages(part)]


def test_every_page_is_in_the_navigation() -> None:
    listed = pages(settings()["nav"])
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_reference_has_every_public_name() -> None:
    told = {
        name
        for page in DOCS.glob("reference/*.md")
        for name in re.findall(r"(?m)^::: (\S+)", page.read_text())
    }
    doors = {name.rpartition(".")[0] for name in public_names()}
    missing = sorted(door for door in doors - told if exported(door))
    assert not missing, f"write `::: NAME` into a page of docs/reference: {missing}"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("concepts/*.md")), ids=lambda page: page.stem)
def test_formulas_name_code_that_is_there(page: Path) -> None:
    """As in `file.py`: `function`; a file without a folder is one of the metrics."""
    for found in re.finditer(r"`([\w/]+\.py)`(?:: ((?:`[\w.]+`(?:, )?)+))?", page.read_text()):
        candidates = [folder / found[1] for folder in (ROOT, ROOT / "benchmarks" / "metrics")]
        file = next((path for path in candidates if path.is_file()), None)
        assert file is not None, f"{page.name}: there is no {found[1]}"
        for name in re.findall(r"`([\w.]+)`", found[2] or ""):
            last = name.rpartition(".")[2]
            defined = re.search(rf"(?m)^\s*(?:async def|def|class) {last}\b|^{last}\b.* = ", file.read_text())
            assert defined, f"{page.name}: {found[1]} has no {name}"


@pytest.mark.skipif(not MKDOCS.exists(), reason="no mkdocs: `scripts/setup --docs` installs it")
@pytest.mark.timeout(240)
def test_the_site_is_built_and_fetches_nothing(tmp_path: Path) -> None:
    command = [MKDOCS, "build", "--strict", "--site-dir", tmp_path / "site"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "site").rglob("*"):
        if file.suffix in (".html", ".css"):
            assert not (found := FETCHED.search(file.read_text())), f"{file.name}: {found and found[0]}"
    reference = (tmp_path / "site" / "reference" / "tools.html").read_text()
    assert 'id="kedge.tools.walks.beam_walk"' in reference
    assert "examples/agent.py" in (tmp_path / "site" / "other-programs.html").read_text()
