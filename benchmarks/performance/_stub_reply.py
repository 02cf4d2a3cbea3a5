"""What a stub model reads in a passage: the names in it, related in a row, in the form that each asks for."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Protocol

__all__ = ["reply"]

NAME = re.compile(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)*")
MOST = 6


class Asked(Protocol):
    """What the stub server was asked."""

    @property
    def prompt(self) -> str:
        """All messages, one after the other."""
        ...


def reply(request: Asked) -> str:
    """Triples for Kedge, records for LightRAG and nano-graphrag, and little for anything else."""
    prompt = request.prompt
    if "<<<passage 1" in prompt:
        names = _names(prompt.rsplit("<<<passage 1", 1)[1].split("Text:", 1)[-1])
        triples = [{"subject": a, "relation": "and", "object": b} for a, b in _pairs(names)]
        return json.dumps({"names": names, "triples": triples})
    if "---Input Text---" in prompt:
        names = _names(prompt.rsplit("---Input Text---", 1)[1].split("---Output---")[0])
        lines = [f"entity<|#|>{name}<|#|>Other<|#|>{name} is named." for name in names]
        lines += [f"relation<|#|>{a}<|#|>{b}<|#|>named<|#|>{a} and {b} are named." for a, b in _pairs(names)]
        return "\n".join([*lines, "<|COMPLETE|>"])
    if "MANY entities were missed" in prompt:  # nano-graphrag asks once more, and whether that was all
        return "<|COMPLETE|>" if "YES | NO" not in prompt else "NO"
    if '("entity"<|>' in prompt:
        names = _names(prompt.rsplit("Text:", 1)[1].split("######")[0])
        records = [f'("entity"<|>"{name}"<|>"other"<|>"{name} is named.")' for name in names]
        records += [f'("relationship"<|>"{a}"<|>"{b}"<|>"{a} and {b}."<|>5)' for a, b in _pairs(names)]
        return "##".join(records) + "<|COMPLETE|>"
    return json.dumps(
        {"title": "Report", "summary": "", "rating": 1, "rating_explanation": "", "findings": []}
    )


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(NAME.findall(text)))[:MOST]


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(names))
