"""Runs the code blocks of a Markdown page in their order, in one folder, as a reader would.

- ```` ```python ````: run in one namespace per page; `await` works. Lines `#> text` are what it prints.
- ```` ```console ````: each `$ command` is run; the lines below it, if any, are what it prints.
- `no-run` after the language leaves a block out; other languages are not run.

In expected output `...` stands for anything, and amounts of white space do not matter.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

__all__ = ["Block", "blocks", "run_page"]

PRINTED = "#> "
TIMEOUT = 60.0


@dataclass(frozen=True)
class Block:
    """A fenced block: `line` is that of its first line of code, counted from 1."""

    page: Path
    line: int
    language: str
    code: str


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are meant to run."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        language, *flags = token.info.split() if token.type == "fence" else [""]
        if language in ("python", "console") and "no-run" not in flags and token.map:
            yield Block(page, token.map[0] + 2, language, token.content)


def run_page(page: Path, folder: Path) -> int:
    """Run a page's blocks in `folder`; returns their number, fails where the page is wrong."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    to_run = list(blocks(page))
    with contextlib.chdir(folder):
        for block in to_run:
            if block.language == "python":
                _run_python(block, namespace)
            else:
                _run_console(block)
    return len(to_run)


def _run_python(block: Block, namespace: dict[str, Any]) -> None:
    # Empty lines above the code make tracebacks name the page's own lines.
    source = "\n" * (block.line - 1) + block.code
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    # Annotations are what a reader's are: this file's `annotations` of the future stay here.
    code = compile(source, str(block.page), "exec", flags=flags, dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = eval(code, namespace)  # noqa: S307 - the pages are ours
        if inspect.iscoroutine(result):
            asyncio.run(result)
    lines = block.code.splitlines()
    expected = [line.strip().removeprefix(PRINTED) for line in lines if line.strip().startswith(PRINTED)]
    if expected:
        _compare(block, "\n".join(expected), printed.getvalue())


def _run_console(block: Block) -> None:
    commands: list[tuple[str, list[str]]] = []
    for line in block.code.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        else:
            assert commands, f"{block.page}:{block.line} a console block begins with `$ command`"
            commands[-1][1].append(line)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    for command, expected in commands:
        done = subprocess.run(  # noqa: S602 - the pages are ours
            command,
            shell=True,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        everything = done.stderr + done.stdout
        assert "Traceback" not in everything, f"{block.page}:{block.line} $ {command}\n{everything}"
        if "\n".join(expected).strip():
            # Where all goes well, standard error tells of progress, if the machine is slow.
            _compare(block, "\n".join(expected), everything if done.returncode else done.stdout, command)
        else:
            assert done.returncode == 0, f"{block.page}:{block.line} $ {command}\n{everything}"


def _compare(block: Block, expected: str, actual: str, command: str = "") -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    matches = doctest.OutputChecker().check_output(expected.strip() + "\n", actual.strip() + "\n", flags)
    where = f"{block.page}:{block.line} " + (f"$ {command}" if command else "")
    assert matches, f"{where}\n--- the page says\n{expected}\n--- what happens\n{actual}"
