"""Walks on the graph of a knowledge base."""

from kedge.tools.walks.beam import Aim, Hop, Walk, beam_walk
from kedge.tools.walks.compiled import CompiledGraph, Label, compiled, read_label
from kedge.tools.walks.paths import Frontier, PathWalker, step_label

__all__ = [
    "Aim",
    "CompiledGraph",
    "Frontier",
    "Hop",
    "Label",
    "PathWalker",
    "Walk",
    "beam_walk",
    "compiled",
    "read_label",
    "step_label",
]
