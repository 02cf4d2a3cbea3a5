"""How texts become adapters of one base model: the recipe of training, and what identifies the result."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kedge.errors import AdapterError
from kedge.tools.adapters.adapter import Origin

__all__ = ["Encoding", "Lesson", "Recipe", "base_of", "folder_of"]

SAMPLE = 4096  # bytes that are read at as many places of each file of weights
PLACES = 16
WRITTEN = ("_name_or_path", "transformers_version")


class Recipe(BaseModel):
    """How an adapter is trained; the defaults are PRAG's (arXiv 2501.15915).

    Of each text so many `questions` are asked; with `recall`, each of them also without any passage, where
    PRAG asks only some. `loss` is taken on all tokens, the prompt included, or on those of the answer alone.
    `augmented_by` names who wrote the questions, `tokens` is where a turn is cut, and `translated_by` is the
    translator that wrote an adapter which nobody trained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(default=2, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    targets: tuple[str, ...] = ("down_proj", "gate_proj", "up_proj")
    learning_rate: float = Field(default=3e-4, gt=0)
    epochs: int = Field(default=1, ge=1)
    questions: int = Field(default=3, ge=1)
    recall: bool = False
    loss: Literal["all", "answers"] = "all"
    seed: int = 42
    tokens: int = Field(default=3000, ge=8)
    augmented_by: str = ""
    translated_by: str = ""

    @property
    def fingerprint(self) -> str:
        """Changes with whatever changes the adapters."""
        return blake2b(self.model_dump_json().encode(), digest_size=8).hexdigest()

    @property
    def init(self) -> str:
        """Names the values that all adapters start from."""
        start = f"{self.seed} {self.rank} {self.targets}"
        return blake2b(start.encode(), digest_size=8).hexdigest()


class Encoding(BaseModel):
    """Texts as adapters: of which model (its folder or name on the hub), with which weights, by which recipe.

    `task` is the key of an adapter that knows no text, but how questions are to be answered.

    Example:
        >>> encoding = Encoding(model="models/tiny", base="b" * 24, recipe=Recipe(rank=4))
        >>> encoding.origin("Ada was born in Ely.").key == encoding.origin("Ada died in Ely.").key
        False
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    base: str
    recipe: Recipe
    task: str | None = None

    def origin(self, text: str) -> Origin:
        """The origin of the adapter of this text; a store is asked for it before anything is trained."""
        content = blake2b(text.encode(), digest_size=12).hexdigest()
        recipe = self.recipe
        return Origin(content=content, base=self.base, init=recipe.init, recipe=recipe.fingerprint)

    def translated(self, by: str) -> Encoding:
        """The same by a translator of this name instead of training; with no name, by training."""
        return self.model_copy(update={"recipe": self.recipe.model_copy(update={"translated_by": by})})


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the adapter of a text is to learn: turns of a user and an assistant (see `training_turns`)."""

    text: str
    turns: Sequence[tuple[str, str]]


def base_of(model: str | Path) -> str:
    """Names a base model by its configuration and a sample of its weights, wherever its folder is.

    Raises:
        AdapterError: there is no model with safetensors at this place.
    """
    folder = folder_of(model)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").is_file():
        raise AdapterError(
            f"there is no model at {model}", fix="give a folder with config.json and safetensors"
        )
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # What a library writes about itself is no part of the model.
    kept = {
        name: value for name, value in config.items() if name not in ("_name_or_path", "transformers_version")
    }
    digest = blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=12)
    for path in weights:
        size = path.stat().st_size
        with path.open("rb") as file:
            for place in range(PLACES):
                file.seek(place * max(0, size - SAMPLE) // (PLACES - 1), os.SEEK_SET)
                digest.update(file.read(SAMPLE))
    return digest.hexdigest()


def folder_of(model: str | Path) -> Path:
    """The folder of a model, or of what was loaded before under its name on the hub.

    Raises:
        AdapterError: it is not on this machine.
    """
    if Path(model).is_dir():
        return Path(model)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise _missing(model) from None
    try:
        return Path(snapshot_download(str(model), local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError):
        raise _missing(model) from None


def _missing(model: str | Path) -> AdapterError:
    return AdapterError(f"the model {model} is not on this machine", fix="give its folder, or download it")
