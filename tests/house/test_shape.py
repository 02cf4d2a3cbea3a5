"""Files and functions stay short enough to be read, and name no machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION = 80
LONGEST_FILE = 500
# Put together here, so that this file does not contain what it forbids.
MACHINE_PATHS = re.compile("|".join(("/" + "(?:home|Users|root|work)" + r"/\w", r"\b[A-Z]:\\" + r"\w")))


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def code_lines(source: str) -> int:
    """Lines of a file that are code: those that only go on with a string are data, docstrings excepted."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    data = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
        for line in range(node.lineno + 1, (node.end_lineno or 0) + 1)
    }
    return len(source.splitlines()) - len(data)


def test_lines_of_a_long_string_are_no_code_but_a_docstring_is() -> None:
    assert code_lines('WORDS = """\na\nb\n"""\nmore = 1\n') == 2
    assert code_lines('def f():\n    """What\n    it does."""\n    return 1\n') == 4
    assert code_lines('a = f("x",\n      "y")\n') == 2


def test_no_file_is_too_long() -> None:
    # A script may be long: what it writes is mostly data.
    long = {
        p.name: n
        for p in tracked()
        if p.suffix == ".py"
        and p.parent != ROOT / "scripts"
        and (n := code_lines(p.read_text())) > LONGEST_FILE
    }
    assert not long, f"split these files, none may have more than {LONGEST_FILE} lines of code: {long}"


def test_no_function_is_too_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({function_lines(node)})"
        for path in tracked()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and function_lines(node) > LONGEST_FUNCTION
    ]
    assert not long, f"split these functions, none may have more than {LONGEST_FUNCTION} lines: {long}"


def test_no_tracked_text_names_a_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not text
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}")
    assert not found, f"absolute paths of one machine: {found}"


def test_links_lead_to_the_layers() -> None:
    for layer in ("agents", "benchmarks", "graphs", "tools"):
        link = ROOT / "kedge" / layer
        assert link.is_symlink(), f"kedge/{layer} must be a link (on Windows: git config core.symlinks true)"
        assert str(link.readlink()) == f"../{layer}"
