"""Who plays: casts by name, and chat models by their address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kedge.agents.extractive import ExtractiveCast
from kedge.errors import InputError
from kedge.tools.encoders import CachedEncoder, Encoder, MiniLM, MiniReader
from kedge.tools.models import ModelClient, connect

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge.agents.roles import Cast

__all__ = ["cast_of", "encoder_in", "model_at", "named"]

READINGS = 30_000  # that are remembered: other methods, and the probe, read the same passages again


def encoder_in(folder: Path) -> Encoder:
    """The encoder that ships with Kedge; what it encodes is kept in a folder."""
    return CachedEncoder(MiniLM(), folder / "vectors.sqlite")


def cast_of(encoder: Encoder, model: BaseChatModel | None = None) -> Cast:
    """The cast that a chat model plays; without one, the extractive cast."""
    if model is None:
        return ExtractiveCast(encoder, reader=MiniReader(kept=READINGS))
    from kedge.agents.llm import LlmCast

    return LlmCast(model)


def model_at(url: str | None, name: str | None) -> BaseChatModel | None:
    """The chat model at an OpenAI-compatible address; none, if there is no address.

    Raises:
        InputError: The model has no name.
    """
    if url is None:
        return None
    if name is None:
        raise InputError(f"no model is named for {url}", fix="give --model-name, or --judge-name")
    return connect(url, name, temperature=0)


def named(model: BaseChatModel | None) -> str:
    """What a manifest calls a model: its name and where it is."""
    return "" if model is None else ModelClient.around(model).where
