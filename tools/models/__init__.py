"""Model clients and what their calls cost.

What needs LangChain is imported at its first use: whoever only sets a budget does not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kedge.tools.models.budget import Budget, Ledger, Meter, Spending, playing
from kedge.tools.models.vllm_install import Installation, find_vllm
from kedge.tools.models.vllm_options import LoraLimits, VllmOptions
from kedge.tools.models.vllm_server import ServerEvent, VllmServer

if TYPE_CHECKING:
    from kedge.tools.models.cache import ReplyCache
    from kedge.tools.models.calls import Price
    from kedge.tools.models.client import ModelClient, Retries
    from kedge.tools.models.connecting import connect, only_model, open_tracer, read_prices
    from kedge.tools.models.endpoint import Endpoint
    from kedge.tools.models.limiter import Limiter, shared_limiter
    from kedge.tools.models.trace import TraceCheck, TraceFile, verify_trace

__all__ = [
    "Budget",
    "Endpoint",
    "Installation",
    "Ledger",
    "Limiter",
    "LoraLimits",
    "Meter",
    "ModelClient",
    "Price",
    "ReplyCache",
    "Retries",
    "ServerEvent",
    "Spending",
    "TraceCheck",
    "TraceFile",
    "VllmOptions",
    "VllmServer",
    "connect",
    "find_vllm",
    "only_model",
    "open_tracer",
    "playing",
    "read_prices",
    "shared_limiter",
    "verify_trace",
]

LATER = {
    "Endpoint": "endpoint",
    "Limiter": "limiter",
    "ModelClient": "client",
    "Price": "calls",
    "ReplyCache": "cache",
    "Retries": "client",
    "TraceCheck": "trace",
    "TraceFile": "trace",
    "connect": "connecting",
    "only_model": "connecting",
    "open_tracer": "connecting",
    "read_prices": "connecting",
    "shared_limiter": "limiter",
    "verify_trace": "trace",
}


def __getattr__(name: str) -> object:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{LATER[name]}"), name)
