"""Encoders: what turns texts into vectors; and the reader that shares the shipped one's words.

Nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedge.tools.encoders._cached import CachedEncoder
    from kedge.tools.encoders._kept import KeptVectors
    from kedge.tools.encoders._minilm import MiniLM, verify_weights
    from kedge.tools.encoders._protocol import Encoder, FloatArray, TokenEncoder
    from kedge.tools.encoders._reader import MiniReader, PassageReader, PassageReading, Phrase, verify_reader
    from kedge.tools.encoders._remote import RemoteEncoder

__all__ = [
    "CachedEncoder",
    "Encoder",
    "FloatArray",
    "KeptVectors",
    "MiniLM",
    "MiniReader",
    "PassageReader",
    "PassageReading",
    "Phrase",
    "RemoteEncoder",
    "TokenEncoder",
    "verify_reader",
    "verify_weights",
]

_HOMES = {
    "CachedEncoder": "_cached",
    "Encoder": "_protocol",
    "FloatArray": "_protocol",
    "KeptVectors": "_kept",
    "MiniLM": "_minilm",
    "MiniReader": "_reader",
    "PassageReader": "_reader",
    "PassageReading": "_reader",
    "Phrase": "_reader",
    "RemoteEncoder": "_remote",
    "TokenEncoder": "_protocol",
    "verify_reader": "_reader",
    "verify_weights": "_minilm",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
