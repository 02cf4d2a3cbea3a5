"""Whatever the documentation shows is run, and prints what the documentation says."""

from __future__ import annotations

import doctest
import importlib
import shutil
from pathlib import Path

import pytest
from markdown_pages import run_page

from kedge.errors import MissingExtra

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    layers = [
        p for layer in ("agents", "benchmarks", "graphs", "tools") for p in (ROOT / layer).rglob("*.py")
    ]
    names = [("kedge", *p.relative_to(ROOT).with_suffix("").parts) for p in layers]
    # The links in kedge/ lead to the layers, which are listed already.
    names += [p.relative_to(ROOT).with_suffix("").parts for p in (ROOT / "kedge").glob("*.py")]
    names += [p.relative_to(ROOT).with_suffix("").parts for p in (ROOT / "kedge").glob("_*/**/*.py")]
    return sorted(".".join(n).removesuffix(".__init__") for n in names if n[-1] != "__main__")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages(page: Path, tmp_path: Path) -> None:
    if (ROOT / "examples").is_dir():
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
    run_page(page, tmp_path)


@pytest.mark.parametrize("name", modules())
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        module = importlib.import_module(name)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    except ModuleNotFoundError as missing:
        if missing.name != "torch":  # which recipes need, and nothing that ships
            raise
        pytest.skip(str(missing))
    # Examples find `examples/world`, and an empty folder `tmp` to build in.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    given = {"tmp": tmp_path / "tmp"}
    assert doctest.testmod(module, optionflags=FLAGS, extraglobs=given).failed == 0


PAGE = """
```console
$ echo one; echo two
one
...
```

```python
import asyncio

value = await asyncio.sleep(0, "three")
print(value)
#> three
```

```python
print(value.upper())
#> THREE
```

```console no-run
$ false
```
"""


def test_the_runner_runs_a_page_that_is_right(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert run_page(page, tmp_path) == 3


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("one\n...", "other"), ("#> three", "#> four"), ("$ echo one", "$ nonesuch"), (" no-run", "")],
)
def test_the_runner_notices_a_page_that_is_wrong(tmp_path: Path, right: str, wrong: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace(right, wrong))
    with pytest.raises(AssertionError):
        run_page(page, tmp_path)
