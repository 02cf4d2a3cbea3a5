"""A knowledge base outlives a kill, a full disk and a crash of its indexes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase

# Adds, replaces and removes for ever, and says in its progress which rows are safely in.
CHILD = """
import asyncio, json, os, signal, sys
from pathlib import Path
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import Extraction, KnowledgeBase, TripleDraft
from kedge.tools.knowledge_base import base as module

path, point = sys.argv[1], sys.argv[2]

def die_at(owner, name, when):
    method = getattr(owner, name)
    def dying(*args, **kwargs):
        if when == "before": os.kill(os.getpid(), signal.SIGKILL)
        result = method(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, dying)

async def says(chunk):
    return Extraction((TripleDraft(chunk.text[:12], "says", chunk.text),))

def report(progress):
    Path(path + ".reported").write_text(str(progress.done))

async def main():
    base = KnowledgeBase.open(path, encoder=FakeEncoder())
    print("ready", flush=True)
    if point != "any":
        owner, name, when = point.split(".")
        die_at(getattr(module, owner), name, when)
    version = int(Path(path + ".version").read_text() or 0)
    while True:
        version += 1
        Path(path + ".version").write_text(str(version))
        texts = [f"row {n} of version {version if n % 3 == 0 else 0}" for n in range(600)]
        rows = [json.dumps({"text": text}) for text in texts]
        Path(path + ".jsonl").write_text("\\n".join(rows))
        Path(path + ".reported").write_text("0")
        await base.aadd([path + ".jsonl"], extract=says, on_progress=report)
        Path(path + ".reported").write_text("0")
        await base.aremove([document.id for document in base.documents()[:50]])

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "base"
    KnowledgeBase.open(path, encoder=FakeEncoder(), create=True).close()
    Path(f"{path}.version").write_text("0")
    return path


def killed(path: Path, point: str, after: float | None = None) -> None:
    """Run a child until it kills itself at a point, or is killed after some seconds of work."""
    command = [sys.executable, "-c", CHILD, str(path), point]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        if after is not None:
            time.sleep(after)
            child.kill()
        assert child.wait(60) == -signal.SIGKILL


def check(base: KnowledgeBase) -> None:
    """Every document is whole, and the indexes hold the chunks of the documents and nothing else."""
    documents = base.documents()
    chunks = {document.id: base.chunks_of(document.id) for document in documents}
    for document in documents:
        text = base.text(document.id)
        assert len(chunks[document.id]) == document.chunks == 1
        assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks[document.id])
        assert len(base.triples(document_id=document.id)) == 1
    ids = {chunk.id for found in chunks.values() for chunk in found}
    assert base.full_text.ids() == ids
    assert base.vectors.ids() == ids
    if ids:
        some = sorted(ids)[:: max(1, len(ids) // 20)]
        for number, vector in zip(some, base.embeddings(some), strict=True):
            assert number in [hit for hit, score in base.vectors.query(vector, 5) if score > 0.999]
    assert base.store.journal() == []


# What a step has left undone shows before the next one; the commit is the line that an addition crosses.
POINTS = [
    "Vectors.add.before",
    "FullText.add.before",
    "Store.write.before",
    "Store.write.after",
    "FullText.remove.after",
    "Store.settle.before",
]


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_at_any_step_leaves_whole_documents(path: Path, point: str) -> None:
    killed(path, point)
    with KnowledgeBase.open(path, encoder=FakeEncoder()) as base:
        base.repair()
        check_without_triples(base)
        await base.aadd([Path(f"{path}.jsonl")])
        assert len(base.documents()) == 600
        assert base.vectors.ids() == base.full_text.ids()
        assert len(base.vectors.ids()) == 600


def check_without_triples(base: KnowledgeBase) -> None:
    ids = {chunk.id for document in base.documents() for chunk in base.chunks_of(document.id)}
    assert base.full_text.ids() == ids == base.vectors.ids()
    assert base.store.journal() == []


def test_kills_at_random_moments_lose_nothing_that_was_reported(path: Path) -> None:
    generator = random.Random(7)
    for _ in range(10):
        killed(path, "any", after=generator.uniform(0.0, 1.0))
        with KnowledgeBase.open(path, encoder=FakeEncoder()) as base:
            base.repair()
            check(base)
            stored = {base.text(document.id) for document in base.documents()}
        rows = Path(f"{path}.jsonl").read_text().splitlines()
        reported = int(Path(f"{path}.reported").read_text() or 0)
        assert {json.loads(row)["text"] for row in rows[:reported]} <= stored


def test_a_torn_vector_index_is_never_loaded_but_rebuilt(path: Path) -> None:
    killed(path, "Vectors.remove.before")
    (path / "vectors" / "writing").touch()
    for file in (path / "vectors" / "chroma").rglob("*.bin"):
        file.write_bytes(os.urandom(file.stat().st_size))
    with KnowledgeBase.open(path, encoder=FakeEncoder()) as base:
        base.repair()
        check(base)


FULL_DISK = """
import asyncio, resource, signal, sys
from kedge.errors import StoreError
from kedge.testing import FakeEncoder
from kedge.tools.knowledge_base import KnowledgeBase, ParsedDocument
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
documents = [ParsedDocument(f"{n}", f"{n}", "", f"{n} " + "word " * 400, "text", ()) for n in range(2_000)]
async def main():
    with KnowledgeBase.open(sys.argv[1], encoder=FakeEncoder()) as base:
        await base.aadd(documents[:300])
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        try:
            await base.aadd(documents)
        except StoreError as error:
            print(error)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files the POSIX way")
@pytest.mark.parametrize("limit", [300_000, 2_500_000])
def test_a_full_disk_is_one_line_and_loses_nothing(path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(limit)], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    assert "what was stored is safe" in done.stdout
    with KnowledgeBase.open(path, encoder=FakeEncoder()) as base:
        base.repair()
        assert len(base.documents()) >= 300
        check_without_triples(base)
