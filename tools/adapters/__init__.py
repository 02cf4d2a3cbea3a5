"""Documents as LoRA adapters: stored, merged, trained, and given to a model."""

from __future__ import annotations

from kedge.tools.adapters.adapter import Adapter, Factors, Origin, read_adapter, read_origin, write_adapter
from kedge.tools.adapters.injecting import Adapters, Injector
from kedge.tools.adapters.merging import MERGES, Merge, merge, merged_origin, reduced
from kedge.tools.adapters.recipe import Encoding, Lesson, Recipe, base_of, folder_of
from kedge.tools.adapters.store import AdapterStore, Stored
from kedge.tools.adapters.texts import ANSWER, prompt, said, training_turns

__all__ = [
    "ANSWER",
    "MERGES",
    "Adapter",
    "AdapterStore",
    "Adapters",
    "Encoding",
    "Factors",
    "Injector",
    "Lesson",
    "Merge",
    "Origin",
    "Recipe",
    "Stored",
    "base_of",
    "folder_of",
    "merge",
    "merged_origin",
    "prompt",
    "read_adapter",
    "read_origin",
    "reduced",
    "said",
    "training_turns",
    "write_adapter",
]
