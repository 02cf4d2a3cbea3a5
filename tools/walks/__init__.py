"""Walks on the graph of a knowledge base, and from passage to passage along it."""

from kedge.tools.walks.beam import Aim, Hop, Walk, beam_walk
from kedge.tools.walks.compiled import CompiledGraph, Label, compiled, read_label
from kedge.tools.walks.passages import (
    Survey,
    Trail,
    Weights,
    evidence_of,
    look,
    look_further,
    passage_walk,
)
from kedge.tools.walks.paths import Frontier, PathWalker, step_label

__all__ = [
    "Aim",
    "CompiledGraph",
    "Frontier",
    "Hop",
    "Label",
    "PathWalker",
    "Survey",
    "Trail",
    "Walk",
    "Weights",
    "beam_walk",
    "compiled",
    "evidence_of",
    "look",
    "look_further",
    "passage_walk",
    "read_label",
    "step_label",
]
