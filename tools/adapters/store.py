"""A folder of adapters, each under the key of its origin: written whole or not at all, listed and pruned."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kedge.errors import AdapterError
from kedge.tools.adapters.adapter import WEIGHTS, Adapter, Origin, read_adapter, read_origin, write_adapter
from kedge.tools.adapters.merging import Merge, merge, merged_origin
from kedge.tools.adapters.recipe import Encoding

__all__ = ["AdapterStore", "Stored"]

KEY = re.compile(r"[0-9a-f]{24}")
MERGED, ENCODINGS = "merged", "encodings"
OFTEN = 16  # times that it is looked while as much is written as may be kept


@dataclass(frozen=True, slots=True)
class Stored:
    """An adapter in a store: its key, origin, size in bytes and time of last use in seconds since 1970."""

    key: str
    origin: Origin
    bytes: int
    used: float


class AdapterStore:
    """Adapters in the folder `root`, by key.

    What is merged from them is kept in a store of its own, of which only `merged_bytes` are kept.

    Example:
        >>> from kedge.tools.adapters import Factors
        >>> import numpy as np
        >>> one = Factors(np.ones((1, 3), np.float32), np.ones((2, 1), np.float32))
        >>> adapter = Adapter({"layer": one}, Origin(content="a", base="b", init="c", recipe="d"))
        >>> store = AdapterStore(tmp / "adapters")
        >>> key = store.put(adapter)
        >>> key in store, [stored.key for stored in store] == [key]
        (True, True)
        >>> store.remove([key])
        1
    """

    def __init__(self, root: Path, *, merged_bytes: int = 2**30) -> None:
        self.root = root
        self.merged_bytes = merged_bytes
        self._unpruned = merged_bytes  # written since it was last looked how much there is: unknown yet

    @property
    def merged(self) -> AdapterStore:
        """The store of what was merged from this one's adapters."""
        return AdapterStore(self.root / MERGED)

    def folder(self, key: str) -> Path:
        """Where the adapter of this key is, or would be.

        Raises:
            AdapterError: this is no key; what is not a key never becomes a path.
        """
        return self.root / _key(key)

    def __contains__(self, key: str) -> bool:
        return (self.folder(key) / WEIGHTS).is_file()

    def __iter__(self) -> Iterator[Stored]:
        """What is stored, the least recently used first; what has no sound record is passed over."""
        found = []
        for folder in self.root.iterdir() if self.root.is_dir() else ():
            if KEY.fullmatch(folder.name):
                with suppress(AdapterError, OSError):  # broken, or removed meanwhile
                    origin = read_origin(folder)
                    size = sum(file.stat().st_size for file in folder.iterdir())
                    used = (folder / WEIGHTS).stat().st_mtime
                    if origin is not None:
                        found.append(Stored(folder.name, origin, size, used))
        return iter(sorted(found, key=lambda stored: stored.used))

    def put(self, adapter: Adapter) -> str:
        """Store an adapter and return its key; one that is there already is kept as it is."""
        key = adapter.origin.key
        if key not in self:
            self.root.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=self.root, prefix=".draft-"))
            try:
                write_adapter(adapter, draft)
                draft.rename(self.folder(key))
            except OSError:
                if key not in self:  # another process may have been first, which is as good
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return key

    def get(self, key: str) -> Adapter:
        """Read an adapter, and note that it was used.

        Raises:
            AdapterError: there is none, it is broken, or it is not the one that its key names.
        """
        adapter = read_adapter(self.folder(key))
        if adapter.origin.key != key:
            raise AdapterError(
                f"the adapter {key} holds another one", fix="remove it and encode the document again"
            )
        (self.folder(key) / WEIGHTS).touch()
        return adapter

    def merge(
        self,
        keys: Sequence[str],
        how: Merge = "sum",
        *,
        weights: Sequence[float] | None = None,
        rank: int | None = None,
    ) -> str:
        """The key, in `merged`, of what `merge` makes of these adapters; made only if it is not there.

        Raises:
            AdapterError: an adapter is missing or broken, or they do not belong together.
            InputError: there are no keys, or not one weight for each.
        """
        key = merged_origin([self._origin(key) for key in keys], how, weights=weights, rank=rank).key
        if key not in self.merged:
            made = merge([self.get(key) for key in keys], how, weights=weights, rank=rank)
            self._unpruned += (self.merged.folder(self.merged.put(made)) / WEIGHTS).stat().st_size
            if self._unpruned >= self.merged_bytes // OFTEN:  # looking takes longer than merging
                self.merged.prune(self.merged_bytes)
                self._unpruned = 0
        return key

    def _origin(self, key: str) -> Origin:
        origin = read_origin(self.folder(key))
        if origin is None:
            raise AdapterError(f"there is no adapter {key}", fix="`kedge adapters encode` makes it")
        return origin

    def remove(self, keys: Collection[str]) -> int:
        """Delete these adapters; returns how many there were."""
        folders = [self.folder(key) for key in keys if key in self]
        for folder in folders:
            shutil.rmtree(folder)
        return len(folders)

    def prune(self, limit: int) -> int:
        """Delete the least recently used adapters until `limit` bytes are not exceeded; returns how many."""
        stored = list(self)
        excess, doomed = sum(one.bytes for one in stored) - limit, []
        for one in stored:
            if excess <= 0:
                break
            doomed.append(one.key)
            excess -= one.bytes
        return self.remove(doomed)

    def note(self, encoding: Encoding) -> None:
        """Keep how texts were encoded for this base model, instead of what was noted for it before.

        The adapter of the task stays the one that was noted before with this recipe, if there is no other.
        """
        path = self._note_of(encoding.base)
        if encoding.task is None and path.exists():
            before = self.encoding(encoding.base)
            if before.recipe == encoding.recipe:
                encoding = before
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encoding.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def encoding(self, base: str) -> Encoding:
        """How texts were encoded for this base model.

        Raises:
            AdapterError: they were not, or the note of it is broken.
        """
        try:
            return Encoding.model_validate_json(self._note_of(base).read_bytes())
        except FileNotFoundError:
            raise AdapterError(
                "no document was encoded for the model that is served",
                fix="encode them: kedge adapters encode --model FOLDER",
            ) from None
        except ValidationError:
            raise AdapterError(f"{self._note_of(base)} is broken", fix="encode the documents again") from None

    def _note_of(self, base: str) -> Path:
        return self.root / ENCODINGS / f"{_key(base)}.json"


def _key(key: str) -> str:
    if not KEY.fullmatch(key):
        raise AdapterError(
            f"{key!r} is not the key of an adapter", fix="`kedge adapters list` shows the keys"
        )
    return key
