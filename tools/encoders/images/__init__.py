"""Image encoders: what turns images into vectors. Nothing heavy is imported before it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedge.tools.encoders.images._descriptors import Descriptors
    from kedge.tools.encoders.images._protocol import ImageEncoder, JointEncoder, PatchEncoder
    from kedge.tools.encoders.images._remote import RemoteImageEncoder

__all__ = ["Descriptors", "ImageEncoder", "JointEncoder", "PatchEncoder", "RemoteImageEncoder"]

_HOMES = {
    "Descriptors": "_descriptors",
    "ImageEncoder": "_protocol",
    "JointEncoder": "_protocol",
    "PatchEncoder": "_protocol",
    "RemoteImageEncoder": "_remote",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
