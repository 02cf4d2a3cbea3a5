"""What is to be run: one YAML file, or the options of one line."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kedge.benchmarks.harness.asking import ASKABLE, DEFAULT
from kedge.benchmarks.harness.models import cast_of
from kedge.errors import InputError
from kedge.tools.encoders import Encoder

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from kedge.agents.roles import Cast

__all__ = ["Plan", "Source", "planned", "read_plan"]


class Source(BaseModel):
    """Questions of one's own: a file of them, and what they are asked of.

    Attributes:
        questions: JSON, JSON Lines or CSV.
        corpus: A folder or file of documents, or the corpus file of a data set.
        reader: A reader of `kedge.benchmarks.datasets`; `rows_with` takes rows of any kind.
        fields: What the fields are called, for `rows_with`: `question`, `answer`, `id`, `gold`, `answerable`,
            `kind`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: Path
    corpus: Path
    reader: str = "rows_with"
    fields: dict[str, str] = {}


class Plan(BaseModel):
    """A run: these methods, on this data, with this cast.

    Attributes:
        data: The name of a data set, the folder of a CRUMQ set, or questions of one's own.
        output: Folder of the run.
        methods: What is asked.
        cast: `extractive`; `llm`, which needs a model; or `module:function`, which is given the encoder and
            the model, and makes a cast.
        model: The address of an OpenAI-compatible chat model.
        model_name: Its name there.
        sample: So many questions, drawn; all of them by default.
        seed: Of the drawing.
        at_once: Questions in flight, for each worker.
        engine: `local`: in this process. `ray`: by workers on a Ray cluster.
        workers: How many, with Ray.
        lenient: Leave out rows that do not fit, and say so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str | Source
    output: Path
    methods: tuple[str, ...] = DEFAULT
    cast: str = "extractive"
    model: str | None = None
    model_name: str | None = None
    sample: int | None = Field(default=None, ge=1)
    seed: int = 0
    at_once: int = Field(default=2, ge=1)
    engine: Literal["local", "ray"] = "local"
    workers: int = Field(default=2, ge=1)
    lenient: bool = False

    @field_validator("methods")
    @classmethod
    def _are_known(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for name in methods:
            if name not in ASKABLE:
                raise ValueError(f"no method is called {name!r}; choose from {', '.join(ASKABLE)}")
        if not methods or len(set(methods)) < len(methods):
            raise ValueError("name at least one method, and each once")
        return methods

    def played(self, encoder: Encoder, model: BaseChatModel | None) -> Cast:
        """The cast.

        Raises:
            InputError: There is no such cast, or it needs a model.
        """
        if self.cast == "extractive":
            return cast_of(encoder)
        if self.cast == "llm":
            if model is None:
                raise InputError("the cast llm needs a model", fix="give --model and --model-name")
            return cast_of(encoder, model)
        module, _, function = self.cast.partition(":")
        try:
            make = getattr(import_module(module), function)
        except (ImportError, AttributeError, ValueError):
            fix = "choose extractive, llm, or module:function"
            raise InputError(f"no cast is called {self.cast!r}", fix=fix) from None
        made: Cast = make(encoder, model)
        return made


def planned(values: dict[str, Any], *, where: str = "the command line") -> Plan:
    """A plan of these values.

    Raises:
        InputError: A value does not fit; it names the first one.
    """
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {name}: {first['msg']}", fix="see `kedge bench run --help`") from None


def read_plan(path: Path) -> dict[str, Any]:
    """The values of a YAML file.

    Raises:
        InputError: It cannot be read, or does not hold names with values.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: {first}", fix="give a YAML file") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: no names with values", fix="begin with `data: hotpot500`, for example")
    return values
