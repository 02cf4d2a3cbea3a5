"""What an encoder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["Encoder", "FloatArray", "TokenEncoder"]

FloatArray = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into unit vectors.

    `fingerprint` names the weights and everything else that changes the vectors: a knowledge base records
    it and refuses to be searched with another.
    """

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    async def encode(self, texts: Sequence[str]) -> FloatArray:
        """Rows of unit length, float32, shape `(len(texts), dimension)`."""
        ...


@runtime_checkable
class TokenEncoder(Encoder, Protocol):
    """An encoder that also gives a vector for every token, for late interaction."""

    async def encode_tokens(self, texts: Sequence[str]) -> list[FloatArray]:
        """For each text its token vectors, unit length, float32, shape `(tokens, dimension)`."""
        ...
