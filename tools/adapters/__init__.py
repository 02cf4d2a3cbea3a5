"""Documents as LoRA adapters: stored, merged, trained, and given to a model."""

from __future__ import annotations

from kedge.tools.adapters.adapter import Adapter, Factors, Origin, read_adapter, write_adapter
from kedge.tools.adapters.merging import MERGES, Merge, merge, reduced
from kedge.tools.adapters.store import AdapterStore, Stored
from kedge.tools.adapters.texts import ANSWER, prompt, training_turns

__all__ = [
    "ANSWER",
    "MERGES",
    "Adapter",
    "AdapterStore",
    "Factors",
    "Merge",
    "Origin",
    "Stored",
    "merge",
    "prompt",
    "read_adapter",
    "reduced",
    "training_turns",
    "write_adapter",
]
