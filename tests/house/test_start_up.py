"""`kedge --help` answers at once, because nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "chromadb",
    "langchain_core",
    "langgraph",
    "networkx",
    "numpy",
    "onnxruntime",
    "scipy",
    "sqlalchemy",
    "torch",
}
RUN = """
import json, sys
sys.argv = ["kedge", *{arguments!r}]
from kedge._cli import main
try:
    main()
except SystemExit as stop:
    code = stop.code or 0
print(json.dumps({{"code": code, "modules": sorted({{name.partition(".")[0] for name in sys.modules}})}}))
"""


def run(*arguments: str) -> tuple[int, set[str], str]:
    script = RUN.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown, _, last = done.stdout.rstrip("\n").rpartition("\n")
    result = json.loads(last)
    return result["code"], set(result["modules"]), shown


def test_help_imports_nothing_heavy() -> None:
    code, modules, shown = run("--help")
    assert code == 0
    assert "ask" in shown
    assert not modules & HEAVY


def test_version_imports_nothing_heavy() -> None:
    code, modules, _ = run("version")
    assert code == 0
    assert not modules & HEAVY


def test_importing_kedge_imports_nothing_heavy() -> None:
    script = "import sys, kedge; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY
