"""What the figures were measured on, without naming the machine."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

__all__ = ["describe"]

PACKAGES = ("chromadb", "langgraph", "onnxruntime", "sqlalchemy", "tantivy", "typer")


def describe() -> dict[str, str]:
    """Processor, cores, memory, versions and the day."""
    return {
        "processor": _processor(),
        "cores": str(_cores()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "kedge": version("kedge"),
        **{name: version(name) for name in PACKAGES},
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def _cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(usable(0)) if usable else os.cpu_count() or 1


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
