"""Who plays: casts by name, and chat models by their address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedge.agents.extractive import ExtractiveCast
from kedge.errors import InputError
from kedge.tools.encoders import Encoder
from kedge.tools.models import ModelClient, connect

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge.agents.roles import Cast

__all__ = ["cast_of", "model_at", "named"]


def cast_of(encoder: Encoder, model: BaseChatModel | None = None) -> Cast:
    """The cast that a chat model plays; without one, the extractive cast."""
    if model is None:
        return ExtractiveCast(encoder)
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
