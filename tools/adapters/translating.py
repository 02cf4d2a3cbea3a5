"""From a passage to its adapter in one pass: the parameter translator of DyPRAG (arXiv 2503.23895).

Small networks take the last hidden state of a passage's last token, and the index of a layer, and write that
layer's factors: two networks, for `down` and `up`, for each kind of layer. They learn from passages whose
adapters were trained:

    loss = LM + 0.01 · KL(logits of the trained adapter ‖ logits of the translated one) + 100 · MSE(factors)

The factors of several passages together are averaged, ΔW = (mean up)(mean down), as DyPRAG does at test time;
adapters of single passages are merged like any others. Scaling is part of `up` here, as in every adapter of
Kedge. Needs the extra `parametric`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kedge.errors import AdapterError, InputError, MissingExtra
from kedge.tools.adapters._beside import beside, mean_losses, predicted, tokens_of
from kedge.tools.adapters.adapter import Adapter, Factors
from kedge.tools.adapters.recipe import Encoding, Lesson

try:
    import safetensors
    import safetensors.torch
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("parametric", "torch") from None

__all__ = [
    "Translator",
    "TranslatorRecipe",
    "learnt_once",
    "load_translator",
    "save_translator",
    "train_translator",
    "translate",
    "translate_each",
]

WEIGHTS, RECORD, TRANSLATORS = "translator.safetensors", "translator.json", "translators"
Tell = Callable[[int, int, float], None]
Shapes = dict[str, tuple[int, int]]


class TranslatorRecipe(BaseModel):
    """How a translator is trained; the defaults are DyPRAG's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-5, gt=0)
    epochs: int = Field(default=1, ge=1)
    kl: float = Field(default=0.01, ge=0)
    mse: float = Field(default=100.0, ge=0)
    seed: int = 42


class Record(BaseModel):
    """What a translator was made for, and how: it is read before the weights are.

    `encoding` is that of the adapters it learns from, and `learnt` names these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Encoding
    recipe: TranslatorRecipe
    hidden: int
    shapes: Shapes
    learnt: str = ""

    @property
    def translated(self) -> Encoding:
        """How this translator encodes texts."""
        how = f"{self.recipe.model_dump_json()} {self.encoding.recipe.fingerprint} {self.learnt}"
        return self.encoding.translated(blake2b(how.encode(), digest_size=8).hexdigest())


class Translator(nn.Module):
    """Writes the factors of every layer of `shapes`, `(outputs, inputs)` by name, from a hidden state."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record
        rank, width = record.encoding.recipe.rank, record.recipe.width
        kinds = {_kind(name): shape for name, shape in record.shapes.items()}
        sizes = {kind: (rank * inputs, outputs * rank) for kind, (outputs, inputs) in kinds.items()}
        torch.manual_seed(record.recipe.seed)
        self.down = nn.ModuleDict({kind: _network(record.hidden, width, n) for kind, (n, _) in sizes.items()})
        self.up = nn.ModuleDict({kind: _network(record.hidden, width, n) for kind, (_, n) in sizes.items()})

    def forward(self, states: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """`down` and `up` by layer, of shapes `(texts, rank, inputs)` and `(texts, outputs, rank)`."""
        rank, made = self.record.encoding.recipe.rank, {}
        for name, (outputs, inputs) in self.record.shapes.items():
            index = states.new_full((len(states), 1), float(_index(name)))
            given, kind = torch.cat([states, index], dim=1), _kind(name)
            down = self.down[kind](given).reshape(-1, rank, inputs)
            made[name] = (down, self.up[kind](given).reshape(-1, outputs, rank))
        return made


def train_translator(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[tuple[Lesson, Adapter]],
    encoding: Encoding,
    recipe: TranslatorRecipe | None = None,
    *,
    on_progress: Tell = lambda done, total, loss: None,
) -> Translator:
    """A translator that has learnt from passages and their trained adapters, one at a time.

    `on_progress` is told how many steps are done, of how many, and the loss.

    Raises:
        InputError: there is nothing to learn from.
        AdapterError: an adapter is not of this encoding, or the loss was not finite.
    """
    recipe = recipe or TranslatorRecipe()
    device = next(model.parameters()).device
    translator = Translator(_record(model, pairs, encoding, recipe)).to(device)
    optimizer = torch.optim.AdamW(translator.parameters(), lr=recipe.learning_rate)
    total, step = recipe.epochs * len(pairs), 0
    unscaled = encoding.recipe.model_copy(update={"alpha": float(encoding.recipe.rank)})
    for _ in range(recipe.epochs):
        for lesson, adapter in pairs:
            state = _states(model, tokenizer, [lesson.text])
            trained = {name: _tensors(factors, device) for name, factors in adapter.modules.items()}
            turns = [tokens_of(tokenizer, turn, encoding.recipe) for turn in lesson.turns]
            with beside(model, unscaled, 1) as layers:
                made = translator(state)
                loss = recipe.mse * _distance(made, trained)
                for turn in turns:
                    with torch.no_grad():
                        _put(layers, trained)
                        target, _ = predicted(model, [turn])
                    _put(layers, made)
                    logits, labels = predicted(model, [turn])
                    apart = _divergence(logits, target)
                    loss = loss + (mean_losses(logits, labels).sum() + recipe.kl * apart) / len(turns)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            step += 1
            if not torch.isfinite(loss):
                raise AdapterError("the loss of the translator is not finite", fix="lower the learning rate")
            on_progress(step, total, loss.item())
    return translator.eval()


def _record(
    model: Any, pairs: Sequence[tuple[Lesson, Adapter]], encoding: Encoding, recipe: TranslatorRecipe
) -> Record:
    """What a translator that learns from these will be."""
    if not pairs:
        raise InputError("there is nothing to learn from", fix="encode some passages first")
    for lesson, adapter in pairs:
        if adapter.origin.key != encoding.origin(lesson.text).key:
            raise AdapterError(
                "an adapter is not that of its passage", fix="use those that `encode` returned"
            )
    first = pairs[0][1].modules
    keys = " ".join(sorted(adapter.origin.key for _, adapter in pairs))
    return Record(
        encoding=encoding,
        recipe=recipe,
        hidden=model.config.hidden_size,
        shapes={name: (len(factors.up), factors.down.shape[1]) for name, factors in first.items()},
        learnt=blake2b(keys.encode(), digest_size=8).hexdigest(),
    )


def learnt_once(
    root: Path,
    model: Any,
    tokenizer: Any,
    pairs: Sequence[tuple[Lesson, Adapter]],
    encoding: Encoding,
    recipe: TranslatorRecipe,
    *,
    on_progress: Tell = lambda done, total, loss: None,
) -> Translator:
    """`train_translator`, kept in the folder `root`; what was learnt from the same before is read there."""
    record = _record(model, pairs, encoding, recipe)
    folder = root / TRANSLATORS / record.translated.recipe.translated_by
    if (folder / RECORD).is_file():
        return load_translator(folder, encoding.base).to(next(model.parameters()).device)
    translator = train_translator(model, tokenizer, pairs, encoding, recipe, on_progress=on_progress)
    save_translator(translator, folder)
    return translator


def translate_each(
    model: Any, tokenizer: Any, translator: Translator, lessons: Sequence[Lesson], encoding: Encoding
) -> list[Adapter]:
    """One adapter for each passage: takes the place of training where `encoding` is the translator's."""
    return [translate(model, tokenizer, translator, [lesson.text]) for lesson in lessons]


@torch.inference_mode()
def translate(model: Any, tokenizer: Any, translator: Translator, texts: Sequence[str]) -> Adapter:
    """The adapter of some passages together, without any training.

    Raises:
        InputError: there are no passages.
    """
    if not texts:
        raise InputError("there are no passages to translate", fix="give at least one")
    made = translator(_states(model, tokenizer, texts))
    modules = {
        name: Factors(down.mean(dim=0).cpu().numpy(), up.mean(dim=0).cpu().numpy())
        for name, (down, up) in made.items()
    }
    return Adapter(modules, translator.record.translated.origin("\n\n".join(texts)))


def save_translator(translator: Translator, folder: Path) -> None:
    """Write weights and recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: weight.detach().cpu().contiguous() for name, weight in translator.state_dict().items()}
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    (folder / RECORD).write_text(translator.record.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load_translator(folder: Path, base: str) -> Translator:
    """Read a translator that was made for this base model (see `base_of`).

    Raises:
        AdapterError: it is missing, broken, or made for another base model.
    """
    try:
        record = Record.model_validate_json((folder / RECORD).read_bytes())
        weights = safetensors.torch.load_file(folder / WEIGHTS)
        translator = Translator(record)
        translator.load_state_dict(weights)
    except (OSError, ValidationError, safetensors.SafetensorError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise AdapterError(f"no translator can be read from {folder}: {said}", fix="train it again") from None
    if record.encoding.base != base:
        raise AdapterError("the translator belongs to another model", fix="train one for this model")
    return translator.eval()


def _network(hidden: int, width: int, size: int) -> nn.Sequential:
    network = nn.Sequential(
        nn.Linear(hidden + 1, width, bias=False), nn.ReLU(), nn.Linear(width, size, bias=False)
    )
    for layer in (network[0], network[2]):
        nn.init.normal_(layer.weight, std=1e-7**0.5)  # a variance of 1e-7: at 1e-7 itself nothing would move
    return network


def _kind(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _index(name: str) -> int:
    """The number of the layer that a module belongs to, such as 3 of `model.layers.3.mlp.up_proj`."""
    return next((int(part) for part in name.split(".") if part.isdigit()), 0)


@torch.no_grad()
def _states(model: Any, tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """The last hidden state of the last token of each text, shape `(texts, hidden)`."""
    device, rows = next(model.parameters()).device, []
    for text in texts:
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]], device=device)
        rows.append(model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0, -1].float())
    return torch.stack(rows)


def _tensors(factors: Factors, device: torch.device) -> tuple[Tensor, Tensor]:
    down, up = (torch.from_numpy(side).to(device)[None] for side in (factors.down, factors.up))
    return down, up


def _put(layers: Mapping[str, Any], factors: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    for name, layer in layers.items():
        layer.down, layer.up = factors[name]


def _distance(
    made: Mapping[str, tuple[Tensor, Tensor]], trained: Mapping[str, tuple[Tensor, Tensor]]
) -> Tensor:
    """The mean squared difference of all factors."""
    squares = [
        nn.functional.mse_loss(side, other)
        for name, sides in made.items()
        for side, other in zip(sides, trained[name], strict=True)
    ]
    return torch.stack(squares).mean()


def _divergence(logits: Tensor, target: Tensor) -> Tensor:
    """KL of the target's distribution to that of the logits, mean over tokens."""
    return nn.functional.kl_div(
        logits.log_softmax(dim=-1), target.log_softmax(dim=-1), log_target=True, reduction="batchmean"
    )
