"""What must be so before a knowledge base is opened or made."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from kedge.errors import StoreError
from kedge.tools.encoders._protocol import Encoder
from kedge.tools.knowledge_base.lock import OnWait, write_lock
from kedge.tools.knowledge_base.store import Store

__all__ = ["FILE", "check_directory", "check_encoder", "default_encoder", "making"]

FILE = "kedge.sqlite"  # what makes a directory a knowledge base


@contextlib.contextmanager
def making(directory: Path, create: bool, wait: float, on_wait: OnWait | None) -> Iterator[None]:
    """Let one process at a time make a knowledge base; nothing where there is one already."""
    if not create or (directory / FILE).exists():
        yield
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}", fix="choose another directory") from error
    with write_lock(directory, wait=wait, on_wait=on_wait):
        yield


def check_directory(directory: Path, create: bool) -> None:
    """A knowledge base is there, or may be made there.

    Raises:
        StoreError: Neither is so.
    """
    if (directory / FILE).is_file():
        return
    if not create:
        raise StoreError(f"no knowledge base at {directory}", fix="kedge add FILE makes one")
    if directory.exists() and not directory.is_dir():
        raise StoreError(f"{directory} is a file", fix="choose a directory")
    if directory.is_dir() and any(not file.name.startswith("write.") for file in directory.iterdir()):
        raise StoreError(f"{directory} is neither empty nor a knowledge base", fix="choose another directory")


def default_encoder() -> Encoder:
    """The encoder that comes with Kedge."""
    from kedge.tools.encoders import MiniLM

    return MiniLM()


def check_encoder(directory: Path, store: Store, encoder: Encoder) -> None:
    """The knowledge base was made with this encoder; a new one remembers it.

    Raises:
        StoreError: It was made with another.
    """
    made_with = store.meta("encoder")
    if made_with is None:
        store.set_meta("encoder", encoder.fingerprint)
        store.set_meta("name", uuid.uuid4().hex)
    elif made_with != encoder.fingerprint:
        raise StoreError(
            f"{directory} was made with the encoder {made_with}, not {encoder.fingerprint}",
            fix="open it with that encoder, or add the documents to a new knowledge base",
        )
