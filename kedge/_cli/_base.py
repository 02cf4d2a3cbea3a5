"""Opening the knowledge base that a command works on, with the encoder and the model that settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kedge._settings import Settings
from kedge.errors import InputError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge._api import KnowledgeBase
    from kedge.tools.encoders import Encoder

__all__ = ["chat_model", "encoder", "open_base"]


def open_base(directory: Path | None, *, create: bool = False) -> KnowledgeBase:
    """The knowledge base in `directory`, or the one that settings name."""
    settings = Settings.read()
    chosen = encoder(settings)
    from kedge._api import KnowledgeBase

    return KnowledgeBase.open(
        directory or settings.base,
        encoder=chosen,
        create=create,
        on_wait=lambda holder: typer.echo(f"waiting for {holder}, which is writing", err=True),
        database=settings.database,
        chroma=settings.chroma,
    )


def encoder(settings: Settings) -> Encoder | None:
    """The encoder that settings name; `None` is the one that ships with Kedge.

    Raises:
        InputError: the settings do not name an encoder completely.
    """
    if settings.encoder == "minilm":
        return None
    if not settings.encoder.startswith(("http://", "https://")):
        raise InputError(
            f"KEDGE_ENCODER is {settings.encoder!r}",
            fix="use minilm, or the URL of a server with /v1/embeddings",
        )
    if settings.encoder_model is None:
        raise InputError("KEDGE_ENCODER is a URL, but no model is named", fix="set KEDGE_ENCODER_MODEL")
    from kedge._sync import wait
    from kedge.tools.encoders import CachedEncoder, RemoteEncoder

    remote = RemoteEncoder(
        settings.encoder, settings.encoder_model, settings.encoder_dimension, settings.api_key
    )
    if settings.encoder_dimension is None:
        wait(remote.probe())
    return CachedEncoder(remote, settings.cache() / "embeddings.sqlite")


def chat_model(url: str | None, name: str | None) -> BaseChatModel | None:
    """The chat model at an OpenAI-compatible URL, given here or in settings; `None` when neither names one.

    Raises:
        InputError: a URL without the name of a model.
    """
    settings = Settings.read()
    url, name = url or settings.model_url, name or settings.model_name
    if url is None:
        return None
    if name is None:
        raise InputError(f"no model is named for {url}", fix="give --model-name or set KEDGE_MODEL_NAME")
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(base_url=url, model=name, api_key=SecretStr(settings.api_key or "none"))
