"""Model clients and what their calls cost."""

from kedge.tools.models.budget import Budget, Ledger, Meter, Spending
from kedge.tools.models.vllm_install import Installation, find_vllm
from kedge.tools.models.vllm_options import LoraLimits, VllmOptions
from kedge.tools.models.vllm_server import ServerEvent, VllmServer

__all__ = [
    "Budget",
    "Installation",
    "Ledger",
    "LoraLimits",
    "Meter",
    "ServerEvent",
    "Spending",
    "VllmOptions",
    "VllmServer",
    "find_vllm",
]
