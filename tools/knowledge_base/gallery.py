"""The pictures of a knowledge base as vectors: which look alike, and which show what a text says.

Vectors stand in the relational store as they are made, batch by batch, so that a long run goes on where it
was stopped; the index of nearest neighbours follows. The map between images and texts is fitted on the base's
own pictures that come with a text, closed form, each time there are more of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kedge.errors import LoadError
from kedge.tools.encoders._protocol import FloatArray
from kedge.tools.encoders.images._protocol import ImageEncoder, JointEncoder, PatchEncoder
from kedge.tools.knowledge_base.lock import awrite_lock
from kedge.tools.knowledge_base.records import Chunk, Picture
from kedge.tools.knowledge_base.vectors import Vectors

if TYPE_CHECKING:
    from PIL import Image

    from kedge.tools.encoders.alignment import Alignment
    from kedge.tools.knowledge_base.base import KnowledgeBase

__all__ = ["Gallery", "caption"]

Hit = tuple[int, float]

_BATCH = 32
_WAIT = 30.0  # seconds for another writer
_LEAST = 10  # pictures with a text, below which no map is fitted
_CANDIDATES = 20  # pictures that are compared patch by patch
# How a loader's line about a picture begins that says nothing of it.
_NAMES = ("Image: ", "Picture on page ", "Picture in the text", "Frame at ")


class Gallery:
    """What a knowledge base's pictures look like.

    Args:
        base: The knowledge base.
        encoder: What makes vectors of images; `Descriptors` by default.

    Example:
        >>> from kedge import KnowledgeBase
        >>> base = KnowledgeBase.open(tmp / "base", create=True)
        >>> report = base.add("examples/world/drawings", pictures=False)
        >>> gallery = Gallery(base)
        >>> import asyncio
        >>> asyncio.run(gallery.aupdate()), asyncio.run(gallery.aupdate())
        (5, 0)
        >>> [chunk_id, cosine], *_ = asyncio.run(gallery.near(gallery.image(base.pictures()[0]), 2))
        >>> chunk_id == base.pictures()[0].chunk_id, round(cosine, 3)
        (True, 1.0)
        >>> gallery.close(), base.close()
        (None, None)
    """

    def __init__(self, base: KnowledgeBase, encoder: ImageEncoder | None = None) -> None:
        if encoder is None:
            from kedge.tools.encoders.images import Descriptors

            encoder = Descriptors()
        self.base = base
        self.encoder = encoder
        name = hashlib.blake2b(encoder.fingerprint.encode(), digest_size=6).hexdigest()
        self._folder = base.path / "pictures" / name
        self._vectors: Vectors | None = None
        self._alignment: Alignment | None = None

    def close(self) -> None:
        """Let go of the index."""
        if self._vectors is not None:
            self._vectors.close()
            self._vectors = None

    def file(self, picture: Picture) -> Path:
        """Where the knowledge base keeps a picture."""
        return self.base.path / "images" / picture.file

    def image(self, picture: Picture) -> Image.Image:
        """A picture, opened.

        Raises:
            LoadError: it cannot be read.
        """
        from kedge.tools.images import opened  # only what has pictures needs it

        return opened(self.file(picture).read_bytes(), f"the picture of chunk {picture.chunk_id}")

    def same(self, data: bytes) -> list[int]:
        """The chunks that tell of exactly this image file."""
        name = hashlib.blake2b(data, digest_size=16).hexdigest()
        return [picture.chunk_id for picture in self.base.pictures() if picture.file == name]

    async def aupdate(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Encode pictures that have no vector yet, and fit the map anew; returns how many were encoded.

        What is stored stays when it is cancelled. A picture that cannot be read is left out. `on_progress` is
        told how many are done, and of how many.

        Raises:
            StoreError: somebody else is writing.
        """
        store, kind = self.base.store, self.encoder.fingerprint
        pictures = await asyncio.to_thread(self.base.pictures)
        known = set((await asyncio.to_thread(store.picture_vectors, kind))[0])
        missing = [picture for picture in pictures if picture.chunk_id not in known]
        if not missing and len(known) == (len(self._index()) if known else 0):
            return 0
        release = await awrite_lock(self.base.path, wait=_WAIT)
        try:
            done = 0
            for start in range(0, len(missing), _BATCH):
                batch = missing[start : start + _BATCH]
                images = await asyncio.to_thread(self._readable, batch)
                rows = await self.encoder.encode(list(images.values()))
                await asyncio.to_thread(store.keep_picture_vectors, kind, list(images), rows)
                done += len(images)
                if on_progress is not None:
                    on_progress(start + len(batch), len(missing))
            await asyncio.to_thread(self._follow)
        finally:
            release()
        return done

    async def near(self, image: Image.Image, k: int, *, vectors: int = 1) -> list[Hit]:
        """The chunks whose pictures look most like this image, with their cosines, best first.

        With more than one of the `vectors` that an encoder gives for an image, the best candidates are
        compared patch by patch: more take longer and see more.
        """
        [row] = await self.encoder.encode([image])
        found = await asyncio.to_thread(self._index().query, row, max(k, _CANDIDATES))
        if vectors == 1 or not isinstance(self.encoder, PatchEncoder):
            return found[:k]
        from kedge.tools.search import maxsim

        pictures = {picture.chunk_id: picture for picture in self.base.pictures([n for n, _ in found])}
        images = await asyncio.to_thread(self._readable, [pictures[n] for n, _ in found if n in pictures])
        wanted, *candidates = await self.encoder.encode_patches([image, *images.values()], vectors)
        scores = zip(images, (maxsim(wanted, rows) for rows in candidates), strict=True)
        return sorted(scores, key=lambda hit: (-hit[1], hit[0]))[:k]

    async def about(self, text: str, k: int) -> list[Hit]:
        """The chunks whose pictures show most likely what a text says; none before a map could be fitted."""
        if isinstance(self.encoder, JointEncoder):
            [row] = await self.encoder.encode_texts([text])
        elif (alignment := self.alignment) is not None:
            [row] = alignment.towards(await self.base.encoder.encode([text]))
        else:
            return []
        return await asyncio.to_thread(self._index().query, row, k)

    async def texts_for(self, image: Image.Image, k: int, *, own: Collection[int] = ()) -> list[Hit]:
        """The chunks whose text lies nearest to where an image is mapped; never those of `own`."""
        alignment = self.alignment
        if alignment is None:
            return []
        [row] = alignment(await self.encoder.encode([image]))
        found = await asyncio.to_thread(self.base.vectors.query, row, k + len(own))
        return [hit for hit in found if hit[0] not in own][:k]

    @property
    def alignment(self) -> Alignment | None:
        """The map from images to texts, if there is one."""
        from kedge.tools.encoders.alignment import Alignment

        path = self._folder / "alignment.safetensors"
        if self._alignment is None and path.exists():
            self._alignment = Alignment.load(path)
        return self._alignment

    # --- inside ---------------------------------------------------------------------------------------------

    def _index(self) -> Vectors:
        if self._vectors is None:
            self._vectors = Vectors(self._folder / "vectors")
        return self._vectors

    def _readable(self, pictures: Sequence[Picture]) -> dict[int, Image.Image]:
        images = {}
        for picture in pictures:
            try:
                images[picture.chunk_id] = self.image(picture)
            except (LoadError, OSError):
                continue  # it was checked when it was added: the file was damaged or removed since
        return images

    def _follow(self) -> None:
        """Bring the index and the map up to what is stored."""
        ids, rows = self.base.store.picture_vectors(self.encoder.fingerprint)
        index = self._index()
        if index.broken:
            index.rebuild([(ids, rows)] if ids else [])
        else:
            held = index.ids()
            index.remove(sorted(held - set(ids)))
            new = [place for place, number in enumerate(ids) if number not in held]
            if new:
                index.add([ids[place] for place in new], rows[new])
        self._fit(ids, rows)

    def _fit(self, ids: Sequence[int], rows: FloatArray) -> None:
        told = {chunk.id for chunk in self.base.chunks(ids) if caption(chunk)}
        places = [place for place, number in enumerate(ids) if number in told]
        if len(places) < _LEAST:
            return
        from kedge.tools.encoders.alignment import align

        pairs = [ids[place] for place in places]
        texts = np.asarray(self.base.embeddings(pairs))
        names = [str(number) for number in pairs]
        self._alignment = align(rows[places], texts, pairs=names, share=len(pairs) / len(ids))
        self._alignment.save(self._folder / "alignment.safetensors")


def caption(chunk: Chunk) -> str:
    """What is said of a picture besides its name or page, on one line.

    Example:
        >>> text = "Image: quay (30 × 20 pixels)\\nBoats at the quay"
        >>> caption(Chunk(1, "d", "quay.png", "quay", "", text, 0, len(text), "image"))
        'Boats at the quay'
    """
    lines = chunk.text.splitlines()
    if lines and lines[0].startswith(_NAMES):
        lines = lines[1:]
    return " ".join(" ".join(lines).split())
