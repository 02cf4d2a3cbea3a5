"""Keeping the pictures of documents as files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kedge.errors import StoreError
from kedge.tools.knowledge_base.records import Figure
from kedge.tools.knowledge_base.rows import NewDocument, PictureRow

__all__ = ["keep"]


def keep(folder: Path, document: NewDocument) -> NewDocument:
    """The document with its pictures written into the folder, each under the hash of what it holds.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.
    """
    image = document.parsed.image
    name = None if image is None else _written(folder, image)
    return replace(document, image=name, pictures=tuple(_rows(folder, document)))


def _rows(folder: Path, document: NewDocument) -> Iterator[PictureRow]:
    """One row for each chunk that tells of a picture."""
    image = document.parsed.image
    figures = (*document.parsed.figures, *([Figure(0, image)] if image else []))
    told: set[int] = set()
    for figure in figures:
        chunk = next((c.id for c in document.chunks if c.start <= figure.start < c.end), None)
        if chunk is not None and chunk not in told:
            told.add(chunk)
            file = _written(folder, figure.data) if figure.data else None
            yield PictureRow(chunk, file, figure.shows, figure.box)


def _written(folder: Path, data: bytes) -> str:
    name = hashlib.blake2b(data, digest_size=16).hexdigest()
    file = folder / name
    try:
        folder.mkdir(exist_ok=True)
        if not file.exists():
            part = file.with_suffix(".part")
            part.write_bytes(data)
            part.replace(file)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", fix="what was stored is safe") from error
    return name
