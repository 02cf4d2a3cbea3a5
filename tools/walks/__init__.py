"""Walks on the graph of a knowledge base, and from passage to passage along it."""

from kedge.tools.walks.beam import Aim, Hop, Walk, beam_walk
from kedge.tools.walks.compiled import CompiledGraph, Edge, Label, compiled, read_label
from kedge.tools.walks.evidence_paths import EvidencePath, evidence_paths
from kedge.tools.walks.neighbourhood import Neighbourhood, among, nearest, neighbourhood
from kedge.tools.walks.pagerank import Visits, local_push, personalised_pagerank
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
    "Edge",
    "EvidencePath",
    "Frontier",
    "Hop",
    "Label",
    "Neighbourhood",
    "PathWalker",
    "Survey",
    "Trail",
    "Visits",
    "Walk",
    "Weights",
    "among",
    "beam_walk",
    "compiled",
    "evidence_of",
    "evidence_paths",
    "local_push",
    "look",
    "look_further",
    "nearest",
    "neighbourhood",
    "passage_walk",
    "personalised_pagerank",
    "read_label",
    "step_label",
]
