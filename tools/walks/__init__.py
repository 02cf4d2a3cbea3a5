"""Walks on the graph of a knowledge base."""

from kedge.tools.walks.beam import Aim, Hop, Walk, beam_walk

__all__ = ["Aim", "Hop", "Walk", "beam_walk"]
