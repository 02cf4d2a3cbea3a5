"""Opening the knowledge base that a command works on, with the encoder and the model that settings name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kedge._settings import Settings
from kedge.errors import InputError

if TYPE_CHECKING:
    from kedge._api import KnowledgeBase
    from kedge.tools.encoders import Encoder
    from kedge.tools.models import ModelClient

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
    from kedge.tools.encoders import CachedEncoder, RemoteEncoder
    from kedge.tools.waiting import wait

    remote = RemoteEncoder(
        settings.encoder, settings.encoder_model, settings.encoder_dimension, settings.api_key
    )
    if settings.encoder_dimension is None:
        wait(remote.probe())
    return CachedEncoder(remote, settings.cache() / "embeddings.sqlite")


def chat_model(url: str | None, name: str | None) -> ModelClient | None:
    """A client of the chat model at these URLs, given here or in settings; `None` when neither names one.

    Where one model is served, it needs no name.

    Raises:
        InputError: no name, and not just one model there, or a price list that is none.
        MissingExtra: spans are wanted, but OpenTelemetry is not installed.
    """
    settings = Settings.read()
    settings = replace(settings, model_url=url or settings.model_url)
    urls, name = settings.model_urls(), name or settings.model_name
    if not urls:
        return None
    from kedge.tools.models import ReplyCache, TraceFile, connect, only_model, open_tracer, read_prices
    from kedge.tools.waiting import wait

    return connect(
        urls,
        name or wait(only_model(urls[0], api_key=settings.api_key)),
        api_key=settings.api_key,
        concurrency=settings.model_calls,
        timeout=settings.model_seconds,
        replies=ReplyCache(settings.cache() / "replies.sqlite") if settings.model_cache else None,
        prices=read_prices(settings.prices) if settings.prices else None,
        trace=TraceFile(settings.trace) if settings.trace else None,
        tracer=open_tracer() if settings.otel else None,
    )
