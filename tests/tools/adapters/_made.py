"""Adapters with random numbers, for any model and for the tiny one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kedge.tools.adapters import Adapter, Factors, Origin, base_of

LAYER = "model.layers.0.mlp.down_proj"
INIT = "0123456789abcdef"


def factors(rng: np.random.Generator, outputs: int, inputs: int, rank: int) -> Factors:
    sides = rng.normal(size=(rank, inputs)), rng.normal(size=(outputs, rank))
    return Factors(*(np.asarray(side, dtype=np.float32) for side in sides))


def adapter(seed: int, *, rank: int = 2, base: str = "base", init: str = INIT) -> Adapter:
    rng = np.random.default_rng(seed)
    modules = {LAYER: factors(rng, 7, 9, rank), "model.layers.0.mlp.up_proj": factors(rng, 9, 7, rank)}
    return Adapter(modules, Origin(content=str(seed), base=base, init=init, recipe="recipe"))


def fitting(model: Path, seed: int, *, rank: int = 2, width: int = 64) -> Adapter:
    """An adapter of the tiny model that changes what it says."""
    rng, made = np.random.default_rng(seed), adapter(seed, base=base_of(model))
    return Adapter({LAYER: factors(rng, width, 2 * width, rank)}, made.origin)
