"""Encoders: what turns texts into vectors. Nothing heavy is imported before it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedge.tools.encoders._cached import CachedEncoder
    from kedge.tools.encoders._minilm import MiniLM, verify_weights
    from kedge.tools.encoders._protocol import Encoder, FloatArray, TokenEncoder
    from kedge.tools.encoders._remote import RemoteEncoder

__all__ = [
    "CachedEncoder",
    "Encoder",
    "FloatArray",
    "MiniLM",
    "RemoteEncoder",
    "TokenEncoder",
    "verify_weights",
]

_HOMES = {
    "CachedEncoder": "_cached",
    "Encoder": "_protocol",
    "FloatArray": "_protocol",
    "MiniLM": "_minilm",
    "RemoteEncoder": "_remote",
    "TokenEncoder": "_protocol",
    "verify_weights": "_minilm",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
