"""One adapter: low-rank changes to a base model's weights, in memory and as PEFT writes them to disk.

Only safetensors are read, never pickles, and every shape is checked before anything is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from kedge.errors import AdapterError

__all__ = ["Adapter", "Factors", "Origin", "read_adapter", "read_origin", "write_adapter"]

Matrix = NDArray[np.float32]

WEIGHTS, CONFIG, RECORD = "adapter_model.safetensors", "adapter_config.json", "kedge.json"
PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class Factors:
    """The change of one weight matrix: `up @ down`, of shapes `(outputs, rank)` and `(rank, inputs)`."""

    down: Matrix
    up: Matrix

    @property
    def rank(self) -> int:
        """The number of rows of `down`."""
        return len(self.down)

    @property
    def delta(self) -> Matrix:
        """What is added to the weight matrix, shape `(outputs, inputs)`."""
        return self.up @ self.down


class Origin(BaseModel):
    """Where an adapter comes from: hashes of what was learnt, of the base model, its start and the recipe.

    Example:
        >>> Origin(content="a", base="b", init="c", recipe="d").key
        '7d10469e84d87e7531ed6fa7'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: str
    base: str
    init: str
    recipe: str
    members: tuple[str, ...] = ()
    loss: float | None = None

    @property
    def key(self) -> str:
        """Names the adapter in a store: two adapters with the same key are the same."""
        parts = (self.content, self.base, self.init, self.recipe)
        return blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Adapter:
    """Changes by the name of the module they belong to, such as `model.layers.0.mlp.down_proj`."""

    modules: Mapping[str, Factors]
    origin: Origin

    @property
    def rank(self) -> int:
        """The largest rank of any module: what a server has to allow."""
        return max((factors.rank for factors in self.modules.values()), default=0)


def write_adapter(adapter: Adapter, folder: Path) -> Path:
    """Write a PEFT adapter that any server can load; scaling is folded in, so alpha equals the rank."""
    # PEFT and vLLM take one rank for all modules: smaller ones are filled up with zeros.
    rank = adapter.rank
    tensors = {}
    for name, factors in adapter.modules.items():
        missing = rank - factors.rank
        tensors[f"{PREFIX}{name}.lora_A.weight"] = np.pad(factors.down, ((0, missing), (0, 0)))
        tensors[f"{PREFIX}{name}.lora_B.weight"] = np.pad(factors.up, ((0, 0), (0, missing)))
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": adapter.origin.base,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "target_modules": sorted({name.rsplit(".", 1)[-1] for name in adapter.modules}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    safetensors.numpy.save_file(whole, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (folder / RECORD).write_text(adapter.origin.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return folder


def read_adapter(folder: Path) -> Adapter:
    """Read an adapter that `write_adapter`, or PEFT itself, has written.

    Raises:
        AdapterError: a file is missing or broken, or holds something else than low-rank factors.
    """
    config, origin = _config(folder), read_origin(folder)
    try:
        tensors = safetensors.numpy.load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise AdapterError(f"{folder / WEIGHTS} cannot be read: {error}", fix="encode it again") from None
    scale = np.float32(config["lora_alpha"] / config["r"])
    modules = {}
    for name in sorted(n.removesuffix(".lora_A.weight") for n in tensors if n.endswith(".lora_A.weight")):
        down, up = tensors[f"{name}.lora_A.weight"], tensors.get(f"{name}.lora_B.weight")
        if up is None or down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]:
            raise AdapterError(f"{folder}: the factors of {name} do not fit together", fix="encode it again")
        modules[name.removeprefix(PREFIX)] = Factors(_finite(down, folder), scale * _finite(up, folder))
    if not modules or 2 * len(modules) != len(tensors):
        raise AdapterError(f"{folder} holds more or less than LoRA factors", fix="use a plain LoRA adapter")
    return Adapter(modules, origin or Origin(content=folder.name, base=_base(config), init="", recipe=""))


def _finite(tensor: NDArray[Any], folder: Path) -> Matrix:
    if not np.isfinite(tensor).all():
        raise AdapterError(f"{folder} holds numbers that are not finite", fix="encode it again")
    return np.asarray(tensor, dtype=np.float32)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AdapterError(f"no adapter at {folder}", fix="check the path, or encode the document") from None
    except (OSError, ValueError) as error:
        raise AdapterError(f"{folder / CONFIG} cannot be read: {error}", fix="encode it again") from None
    if not isinstance(config, dict) or config.get("peft_type") != "LORA" or not _positive(config):
        raise AdapterError(f"{folder} is not a LoRA adapter", fix="encode the document again")
    return config


def _positive(config: Mapping[str, Any]) -> bool:
    numbers = (config.get("r"), config.get("lora_alpha"))
    return all(isinstance(number, int | float) and number > 0 for number in numbers)


def _base(config: Mapping[str, Any]) -> str:
    return str(config.get("base_model_name_or_path") or "")


def read_origin(folder: Path) -> Origin | None:
    """What the record beside the weights says; `None` for an adapter that Kedge did not make.

    Raises:
        AdapterError: the record is broken.
    """
    try:
        return Origin.model_validate_json((folder / RECORD).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise AdapterError(f"{folder / RECORD} is broken", fix="encode the document again") from None
