"""Settings of the front doors, from the environment.

The only place that reads it: everything below takes arguments. Plain dataclass on purpose; importing
pydantic-settings alone takes longer than most commands.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kedge.errors import InputError

__all__ = ["PREFIX", "Settings"]

PREFIX = "KEDGE_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person sets once. Each field is the environment variable `KEDGE_` and its name in capitals.

    Args:
        base: Directory of the knowledge base that commands work on.
        encoder: `minilm` (shipped), or the URL of an OpenAI-compatible server that has `/v1/embeddings`.
        encoder_model: Name of the model at that URL.
        encoder_dimension: Length of its vectors; the server is asked when this is not set.
        model_url: URL of an OpenAI-compatible chat model, or several with commas between them that serve the
            same; without one, the extractive cast answers.
        model_name: Name of that model; a server that has one only need not be told.
        model_calls: Calls in flight at each of these URLs.
        model_seconds: How long a reply may take.
        model_cache: Whether its replies are remembered: `on` or `off`.
        prices: JSON file: for each model `prompt`, `completion` and perhaps `cached`, per million tokens.
        trace: JSON Lines file that every call of a model is written down in.
        otel: Whether every call is an OpenTelemetry span, too: `on` or `off`; extra `otel`.
        api_key: Key for both endpoints, and for a model that `kedge serve` serves.
        token: What clients of `kedge serve mcp`, `a2a` and `ui` must send over HTTP.
        vllm: The environment that has vLLM, if it is not that of Kedge.
        cache_dir: Where embeddings and replies are remembered; by default the user's cache directory.
        database: URL of a database that keeps the documents, instead of a file in `base`.
        chroma: URL of a Chroma server that keeps the vectors, instead of files in `base`.
        data: Folder of the public data sets that suites read.

    Example:
        >>> Settings.read({"KEDGE_BASE": "notes.kedge"}).base.name
        'notes.kedge'
    """

    base: Path = Path(".kedge")
    encoder: str = "minilm"
    encoder_model: str | None = None
    encoder_dimension: int | None = None
    model_url: str | None = None
    model_name: str | None = None
    model_calls: int = 16
    model_seconds: int = 120
    model_cache: bool = True
    prices: Path | None = None
    trace: Path | None = None
    otel: bool = False
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    vllm: Path | None = None
    cache_dir: Path | None = None
    database: str | None = None
    chroma: str | None = None
    data: Path = Path("../shared/data")

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that the environment gives; an empty variable counts as unset.

        Raises:
            InputError: a variable holds something that it cannot hold.
        """

        def given(name: str) -> str | None:
            return environment.get(PREFIX + name.upper()) or None

        def number(name: str) -> int | None:
            value = given(name)
            if value is not None and not (value.isascii() and value.isdigit() and int(value)):
                raise InputError(f"{PREFIX}{name.upper()} is {value!r}", fix="set it to a number above 0")
            return int(value) if value else None

        def switch(name: str, default: str) -> bool:
            value = given(name) or default
            if value not in ("on", "off"):
                raise InputError(f"{PREFIX}{name.upper()} is {value!r}", fix="set it to on or off")
            return value == "on"

        def path(name: str) -> Path | None:
            value = given(name)
            return Path(value).expanduser() if value else None

        return cls(
            base=Path(given("base") or ".kedge").expanduser(),
            encoder=given("encoder") or "minilm",
            encoder_model=given("encoder_model"),
            encoder_dimension=number("encoder_dimension"),
            model_url=given("model_url"),
            model_name=given("model_name"),
            model_calls=number("model_calls") or 16,
            model_seconds=number("model_seconds") or 120,
            model_cache=switch("model_cache", "on"),
            prices=path("prices"),
            trace=path("trace"),
            otel=switch("otel", "off"),
            api_key=given("api_key"),
            token=given("token"),
            vllm=path("vllm"),
            cache_dir=path("cache_dir"),
            database=given("database"),
            chroma=given("chroma"),
            data=Path(given("data") or "../shared/data").expanduser(),
        )

    def model_urls(self) -> list[str]:
        """The URLs of the chat model, one by one.

        Example:
            >>> Settings(model_url="http://a/v1, http://b/v1").model_urls()
            ['http://a/v1', 'http://b/v1']
        """
        return [url.strip() for url in (self.model_url or "").split(",") if url.strip()]

    def cache(self) -> Path:
        """The directory for caches, whether or not it exists yet."""
        if self.cache_dir is not None:
            return self.cache_dir
        import platformdirs

        return platformdirs.user_cache_path("kedge")
