"""The vector index: nearest chunks by cosine (Chroma, embedded or a server).

An embedded Chroma loads its graph of neighbours once and then neither sees what another process writes nor
survives a kill while it writes its files. So each process opens a directory once, opens it anew when the
`generation` file says that somebody else has written, and a `writing` file marks a write that never ended:
such an index is not touched any more but rebuilt.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from urllib.parse import urlsplit

from filelock import FileLock

from kedge.errors import StoreError
from kedge.tools.encoders._protocol import FloatArray

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

__all__ = ["Vectors"]

# A larger threshold makes the first delete after a bulk addition take seconds: measured on 6k vectors.
_CONFIGURATION: Any = {
    "hnsw": {
        "space": "cosine",
        "sync_threshold": 64,
        "batch_size": 32,
        "ef_construction": 50,
        "ef_search": 150,
    }
}
_BATCH = 1_000


class Vectors:
    """Finds chunks by the cosine between vectors.

    Args:
        location: A directory, or the `http://` URL of a Chroma server.
        name: The collection on that server; each knowledge base needs its own.

    Example:
        >>> import tempfile, numpy as np
        >>> with Vectors(Path(tempfile.mkdtemp())) as vectors:
        ...     vectors.add([7, 8], np.eye(2, dtype=np.float32))
        ...     vectors.query(np.array([1.0, 0.0], dtype=np.float32), 1)
        [(7, 1.0)]
    """

    def __init__(self, location: Path | str, *, name: str = "chunks") -> None:
        remote = isinstance(location, str) and location.startswith(("http://", "https://"))
        self._name = name
        self._backend: _Server | _Directory = (
            _Server(str(location), name) if remote else _Directory.shared(Path(location))
        )
        self._closed = False

    @property
    def broken(self) -> bool:
        """Whether a writer died in the middle of a write: rebuild before the next use."""
        return self._backend.broken

    def __len__(self) -> int:
        with self._backend.reading() as collection:
            return int(collection.count())

    def query(self, vector: FloatArray, k: int) -> list[tuple[int, float]]:
        """Chunk ids and cosines, best first."""
        if k < 1:
            return []
        with self._backend.reading() as collection:
            found = collection.query(query_embeddings=vector[None, :], n_results=k, include=["distances"])
        distances = found["distances"] or [[]]
        hits = zip(found["ids"][0], distances[0], strict=True)
        return [(int(number), round(1.0 - float(distance), 6)) for number, distance in hits]

    def ids(self) -> set[int]:
        """The ids of all chunks in the index."""
        with self._backend.reading() as collection:
            return {int(number) for number in collection.get(include=[])["ids"]}

    def add(self, ids: Sequence[int], vectors: FloatArray) -> None:
        """Put these vectors in; shape `(len(ids), dimension)`."""
        with self._backend.writing() as collection:
            for start in range(0, len(ids), _BATCH):
                part = slice(start, start + _BATCH)
                collection.upsert(ids=[str(number) for number in ids[part]], embeddings=vectors[part])

    def remove(self, ids: Sequence[int]) -> None:
        """Forget these chunks; unknown ids are passed over."""
        with self._backend.writing() as collection:
            for start in range(0, len(ids), _BATCH):
                collection.delete(ids=[str(number) for number in ids[start : start + _BATCH]])

    def rebuild(self, batches: Iterable[tuple[Sequence[int], FloatArray]]) -> None:
        """Replace everything by these vectors, whatever state the index is in."""
        with self._backend.writing(anew=True) as collection:
            for ids, vectors in batches:
                collection.upsert(ids=[str(number) for number in ids], embeddings=vectors)

    def close(self) -> None:
        """Let go of the index; another `Vectors` in this process may still use it."""
        if not self._closed:
            self._closed = True
            self._backend.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Directory:
    """An embedded index, shared by everyone in this process who opens the same directory."""

    _open: ClassVar[dict[Path, _Directory]] = {}
    _guard: ClassVar[RLock] = RLock()

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._files = path / "chroma"
        self._generation = path / "generation"
        self._mark = path / "writing"
        self._users = 0
        self._lock = RLock()
        self._across = FileLock(path / "index.lock", thread_local=False)
        self._client: Client | None = None
        self._collection: Collection | None = None
        self._seen = ""

    @classmethod
    def shared(cls, path: Path) -> _Directory:
        path = path.resolve()
        with cls._guard:
            directory = cls._open.setdefault(path, cls(path))
            directory._users += 1
            return directory

    def release(self) -> None:
        with self._guard:
            self._users -= 1
            if not self._users:
                self._open.pop(self._path, None)
                with self._lock:
                    self._unload()

    @property
    def broken(self) -> bool:
        if not self._mark.exists():
            return False
        with self._lock, self._across:
            return self._mark.exists()

    @contextmanager
    def reading(self) -> Iterator[Collection]:
        with self._lock:
            collection = self._collection
            if collection is None or self._seen != self._current():
                with self._across:
                    if self._mark.exists():
                        raise StoreError(
                            f"{self._path}: a killed process left it half written",
                            fix="open the knowledge base again to repair it",
                        )
                    collection = self._load()
            with _errors(self._path):
                yield collection

    @contextmanager
    def writing(self, *, anew: bool = False) -> Iterator[Collection]:
        with self._lock, self._across, _errors(self._path):
            self._mark.touch()
            if anew:
                self._unload()
                shutil.rmtree(self._files, ignore_errors=True)
            collection = self._collection
            if collection is None or self._seen != self._current():
                collection = self._load()
            yield collection
            self._seen = uuid.uuid4().hex
            self._generation.write_text(self._seen)
            self._mark.unlink()

    def _current(self) -> str:
        try:
            return self._generation.read_text()
        except FileNotFoundError:
            return ""

    def _load(self) -> Collection:
        """Open the files as they are now; nobody may be writing them meanwhile."""
        self._unload()
        self._seen = self._current()
        import chromadb

        self._client = cast("Client", chromadb.PersistentClient(str(self._files), settings=_settings()))
        self._collection = collection = _collection(self._client, "chunks")
        some = collection.get(limit=1, include=["embeddings"])["embeddings"]
        if some is not None and len(some):  # the first query loads the graph of neighbours
            collection.query(query_embeddings=some, n_results=1, include=[])
        return collection

    def _unload(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._collection = None


class _Server:
    """A collection on a Chroma server, which takes care of its own readers and writers."""

    broken = False

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._client: Client | None = None

    @contextmanager
    def reading(self) -> Iterator[Collection]:
        yield _collection(self._connect(), self._name)

    @contextmanager
    def writing(self, *, anew: bool = False) -> Iterator[Collection]:
        client = self._connect()
        if anew:
            _collection(client, self._name)
            client.delete_collection(self._name)
        yield _collection(client, self._name)

    def release(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> Client:
        if self._client is None:
            import chromadb

            parts = urlsplit(self._url)
            secure = parts.scheme == "https"
            port = parts.port or (443 if secure else 8000)
            host = parts.hostname or "localhost"
            client = chromadb.HttpClient(host=host, port=port, ssl=secure, settings=_settings())
            self._client = cast("Client", client)
        return self._client


@contextmanager
def _errors(where: object) -> Iterator[None]:
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, OSError) as error:
        raise StoreError(f"{where}: {error}", fix="what was stored is safe") from error


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


def _collection(client: Client, name: str) -> Collection:
    return client.get_or_create_collection(name, embedding_function=None, configuration=_CONFIGURATION)
