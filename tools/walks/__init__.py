"""Walks on the graph of a knowledge base, and from passage to passage along it."""

from kedge.tools.walks.beam import Aim, Hop, Walk, beam_walk
from kedge.tools.walks.passages import (
    Survey,
    Trail,
    Weights,
    evidence_of,
    look,
    look_further,
    passage_walk,
)

__all__ = [
    "Aim",
    "Hop",
    "Survey",
    "Trail",
    "Walk",
    "Weights",
    "beam_walk",
    "evidence_of",
    "look",
    "look_further",
    "passage_walk",
]
