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
        model_url: URL of an OpenAI-compatible chat model; without one, the extractive cast answers.
        model_name: Name of that model.
        api_key: Key for both endpoints.
        cache_dir: Where embeddings are remembered; by default the user's cache directory.
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
    api_key: str | None = field(default=None, repr=False)
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

        cache_dir, dimension = given("cache_dir"), given("encoder_dimension")
        if dimension is not None and not (dimension.isascii() and dimension.isdigit()):
            raise InputError(f"KEDGE_ENCODER_DIMENSION is {dimension!r}", fix="set it to a number")
        return cls(
            base=Path(given("base") or ".kedge").expanduser(),
            encoder=given("encoder") or "minilm",
            encoder_model=given("encoder_model"),
            encoder_dimension=int(dimension) if dimension else None,
            model_url=given("model_url"),
            model_name=given("model_name"),
            api_key=given("api_key"),
            cache_dir=Path(cache_dir).expanduser() if cache_dir else None,
            database=given("database"),
            chroma=given("chroma"),
            data=Path(given("data") or "../shared/data").expanduser(),
        )

    def cache(self) -> Path:
        """The directory for caches, whether or not it exists yet."""
        if self.cache_dir is not None:
            return self.cache_dir
        import platformdirs

        return platformdirs.user_cache_path("kedge")
