"""From URLs and a name to a model client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from kedge.errors import InputError, MissingExtra
from kedge.tools.models.cache import ReplyCache
from kedge.tools.models.calls import Price
from kedge.tools.models.client import ModelClient
from kedge.tools.models.endpoint import Endpoint
from kedge.tools.models.limiter import shared_limiter
from kedge.tools.models.trace import TraceFile

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

__all__ = ["connect", "only_model", "open_tracer", "read_prices"]

PRICES = TypeAdapter(dict[str, Price])


def connect(
    urls: str | Sequence[str],
    name: str,
    *,
    api_key: str | None = None,
    concurrency: int = 16,
    timeout: float = 120.0,
    replies: ReplyCache | None = None,
    prices: Mapping[str, Price] | None = None,
    trace: TraceFile | None = None,
    tracer: Tracer | None = None,
    **options: Any,
) -> ModelClient:
    """A client for an OpenAI-compatible model, at one URL or at several that serve the same.

    Args:
        urls: Where it is, for example `http://127.0.0.1:8000/v1`.
        name: What it is called there.
        api_key: Sent as a bearer token.
        concurrency: Calls in flight at each URL, whoever makes them in this process.
        timeout: Seconds until a reply has to be complete.
        replies: The cache, if any.
        prices: Price lists by the name of a model.
        trace: The file to write down calls in, if any.
        tracer: An OpenTelemetry tracer, if calls are to be spans.
        options: Anything that `ChatOpenAI` takes for requests: `temperature`, `seed`, `extra_body`, …

    Raises:
        InputError: a URL is none, or is in use with another `concurrency`.

    Example:
        >>> connect("http://127.0.0.1:8000/v1", "qwen", temperature=0).where
        'the model qwen at http://127.0.0.1:8000/v1'
    """
    given = [urls] if isinstance(urls, str) else list(urls)
    if not given:
        raise InputError(f"no URL is given for {name}", fix="give at least one")
    key = SecretStr(api_key) if api_key else None
    models = [Endpoint(base_url=url, model=name, api_key=key, timeout=timeout, **options) for url in given]
    limiters = [shared_limiter(str(model.openai_api_base), concurrency) for model in models]
    return ModelClient(
        models=models, limiters=limiters, replies=replies, prices=prices or {}, trace=trace, tracer=tracer
    )


async def only_model(url: str, *, api_key: str | None = None) -> str:
    """The name of the one model that a URL serves.

    Raises:
        InputError: it is no URL, nobody answers there, or there is more than one model to choose from.
    """
    key = SecretStr(api_key) if api_key else None
    names = await Endpoint(base_url=url, model="", api_key=key).served_models()
    if names is None:
        fix = "start the server or check the URL, which usually ends in /v1; or name the model"
        raise InputError(f"no model is named for {url}, and nobody there tells which it is", fix=fix)
    if len(names) != 1:
        raise InputError(f"{url} serves {', '.join(names[:10]) or 'no model'}", fix="name the one to ask")
    return names[0]


def read_prices(path: Path) -> dict[str, Price]:
    """The price list in a JSON file: an object of `Price`s by the name of the model.

    Raises:
        InputError: the file cannot be read, or holds something else.

    Example:
        >>> path = tmp / "prices.json"
        >>> _ = path.write_text('{"qwen": {"prompt": 0.5, "completion": 1.5}}')
        >>> read_prices(path)["qwen"].completion
        1.5
    """
    try:
        return PRICES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        said = error.strerror if isinstance(error, OSError) else error.errors()[0]["msg"]
        raise InputError(
            f"no price list at {path}: {said}", fix='write {"model": {"prompt": 0.5, "completion": 1.5}}'
        ) from error


def open_tracer() -> Tracer:
    """The tracer of OpenTelemetry, which goes wherever the program's `TracerProvider` sends it.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.trace import get_tracer
    except ImportError:
        raise MissingExtra("otel", "opentelemetry") from None
    return get_tracer("kedge")
