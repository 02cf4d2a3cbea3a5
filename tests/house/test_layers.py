"""The folders are the architecture: nothing imports from a layer above its own."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("tools", "agents", "graphs", "benchmarks")
# Their subject is the machine: they describe it, and start processes in a known environment.
MAY_READ_ENVIRONMENT = ("benchmarks/performance/",)


def sources() -> list[Path]:
    return [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)


def copy_of_the_code(folder: Path) -> Path:
    only_python = shutil.ignore_patterns("__pycache__", "*.onnx", "*.json", "*.html")
    for name in ("kedge", *LAYERS):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=only_python)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_layers_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("planted", "line"),
    [
        ("tools/planted.py", "from kedge.graphs import answer"),
        ("agents/planted.py", "import kedge.graphs"),
        ("graphs/planted.py", "import kedge.benchmarks"),
    ],
)
def test_an_import_from_above_is_found_through_the_links(tmp_path: Path, planted: str, line: str) -> None:
    copy = copy_of_the_code(tmp_path)
    (copy / planted).write_text(line + "\n")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert planted.removesuffix(".py").replace("/", ".") in done.stdout


def front_doors_used(code: str) -> list[str]:
    """What a module of a lower layer imports from `kedge` beside the layers and the errors."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "kedge":
            names = [f"kedge.{alias.name}" for alias in node.names]
        else:
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        ours = (name for name in names if name.split(".")[0] == "kedge")
        found += [name for name in ours if (*name.split("."), "")[1] not in (*LAYERS, "errors")]
    return found


def test_lower_layers_do_not_use_the_front_doors() -> None:
    found = {str(path.relative_to(ROOT)): front_doors_used(path.read_text()) for path in sources()}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import kedge", ["kedge"]),
        ("from kedge import KnowledgeBase", ["kedge.KnowledgeBase"]),
        ("from kedge._settings import Settings", ["kedge._settings"]),
        ("import kedge.testing as doubles", ["kedge.testing"]),
        ("from kedge import tools, errors", []),
        ("from kedge.tools.search import hybrid", []),
    ],
)
def test_front_doors_are_recognised(code: str, names: list[str]) -> None:
    assert front_doors_used(code) == names


def test_lower_layers_read_no_environment() -> None:
    readers = ("environ", "getenv", "environb")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if not str(path.relative_to(ROOT)).startswith(MAY_READ_ENVIRONMENT)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in readers
    ]
    assert not found, f"settings come as arguments, from the front doors: {found}"


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("form", ["import {0}", "import {0}.x", "from {0} import x", "from {0}.x import y"])
def test_an_import_without_the_prefix_is_a_lint_error(layer: str, form: str) -> None:
    code = form.format(layer) + "\n"
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--select",
        "TID251",
        "--stdin-filename",
        "agents/x.py",
        "-",
    ]
    done = subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"import kedge.{layer}" in done.stdout
