"""Documents as LoRA adapters."""

from __future__ import annotations

from kedge.tools.adapters.texts import ANSWER, prompt

__all__ = ["ANSWER", "prompt"]
