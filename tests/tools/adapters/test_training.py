"""Adapters trained and given to a model in process; torch is that of the environment with vLLM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kedge.errors import AdapterError, InputError
from kedge.testing import make_tiny_model
from kedge.tools.adapters import (
    Adapter,
    Encoding,
    Lesson,
    Recipe,
    base_of,
    merge,
    prompt,
    training_turns,
    write_adapter,
)

pytestmark = [
    pytest.mark.usefixtures("torch_installed"),
    pytest.mark.filterwarnings("ignore"),  # torch's and transformers' own
]

RECIPE = Recipe(learning_rate=3e-3, epochs=4)


def lesson(name: str, place: str, questions: int = 3) -> Lesson:
    text = f"{name} was born in {place}."
    asked = [(f"Where was {name} born?", place)] * questions
    return Lesson(text, training_turns(text, f"{place} is where {name} was born.", asked))


LESSONS = [
    lesson("Ada Moss", "Ely"),
    lesson("Edda Sorley", "Farrow Head"),
    lesson("Otto Vane", "Greyport", 1),
]


@pytest.fixture(scope="module")
def loaded(torch_installed: None, tiny_model: Path) -> tuple[Any, Any]:
    from kedge.tools.adapters.training import load_model

    return load_model(str(tiny_model))


@pytest.fixture(scope="module")
def encoding(tiny_model: Path) -> Encoding:
    return Encoding(model=str(tiny_model), base=base_of(tiny_model), recipe=RECIPE)


@pytest.fixture(scope="module")
def adapters(loaded: tuple[Any, Any], encoding: Encoding) -> list[Adapter]:
    from kedge.tools.adapters.training import encode

    return encode(*loaded, LESSONS, encoding)


def logits(loaded: tuple[Any, Any], text: str) -> Any:
    import torch

    model, tokenizer = loaded
    with torch.inference_mode():
        return model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits.clone()


def loss(loaded: tuple[Any, Any], question: str, answer: str) -> float:
    from kedge.tools.adapters.training import loss_of

    return loss_of(*loaded, (prompt(question), answer), Recipe(loss="answers"))


def test_a_document_is_learnt_and_no_other(loaded: tuple[Any, Any], adapters: list[Adapter]) -> None:
    from kedge.tools.adapters.training import injected

    asked = ("Where was Ada Moss born?", "The answer is Ely.")
    before = loss(loaded, *asked)
    with injected(loaded[0], adapters[0]):
        after = loss(loaded, *asked)
    with injected(loaded[0], adapters[1]):
        others = loss(loaded, *asked)
    assert after < before
    assert after < others


def test_injecting_and_removing_leaves_every_bit(loaded: tuple[Any, Any], adapters: list[Adapter]) -> None:
    from kedge.tools.adapters.training import injected

    before = logits(loaded, "Who was born in Ely?")
    with injected(loaded[0], adapters[0]):
        assert not logits(loaded, "Who was born in Ely?").equal(before)
        with injected(loaded[0], adapters[1]):
            pass
    assert logits(loaded, "Who was born in Ely?").equal(before)
    with pytest.raises(KeyError), injected(loaded[0], adapters[0]):
        raise KeyError
    assert logits(loaded, "Who was born in Ely?").equal(before)


def test_no_change_is_the_model_itself(loaded: tuple[Any, Any], adapters: list[Adapter]) -> None:
    from kedge.tools.adapters.training import injected

    before = logits(loaded, "Who?")
    none = merge([adapters[0]], "concat", weights=[0.0])
    with injected(loaded[0], none):
        assert logits(loaded, "Who?").equal(before)


def test_side_by_side_is_as_one_by_one(
    loaded: tuple[Any, Any], adapters: list[Adapter], encoding: Encoding
) -> None:
    from kedge.tools.adapters.training import encode

    for one, together in zip(LESSONS, adapters, strict=True):
        [alone] = encode(*loaded, [one], encoding)
        assert alone.origin.key == together.origin.key
        assert alone.origin.loss == pytest.approx(together.origin.loss, rel=1e-3)
        for name, factors in alone.modules.items():
            assert np.allclose(factors.delta, together.modules[name].delta, atol=1e-4)


def test_all_documents_start_alike(adapters: list[Adapter]) -> None:
    name = "model.layers.0.mlp.down_proj"
    first, second = (adapter.modules[name].down for adapter in adapters[:2])
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9
    assert {adapter.origin.init for adapter in adapters} == {RECIPE.init}


def test_training_leaves_the_model_as_it_was(loaded: tuple[Any, Any], encoding: Encoding) -> None:
    from kedge.tools.adapters.training import encode

    before = logits(loaded, "Who?")
    grads = [parameter.requires_grad for parameter in loaded[0].parameters()]
    encode(*loaded, LESSONS[:1], encoding)
    assert logits(loaded, "Who?").equal(before)
    assert [parameter.requires_grad for parameter in loaded[0].parameters()] == grads


def test_the_loss_of_answers_alone_learns_too(loaded: tuple[Any, Any], encoding: Encoding) -> None:
    from kedge.tools.adapters.training import encode, injected

    recipe = RECIPE.model_copy(update={"loss": "answers"})
    [adapter] = encode(*loaded, LESSONS[:1], encoding.model_copy(update={"recipe": recipe}))
    asked = ("Where was Ada Moss born?", "The answer is Ely.")
    before = loss(loaded, *asked)
    with injected(loaded[0], adapter):
        assert loss(loaded, *asked) < before


def test_the_wrong_model_is_refused(
    loaded: tuple[Any, Any], adapters: list[Adapter], encoding: Encoding, tmp_path: Path
) -> None:
    from kedge.tools.adapters.training import encode, injected, load_model

    other = load_model(str(make_tiny_model(tmp_path / "other", seed=3)))
    with pytest.raises(AdapterError, match="another model"), injected(other[0], adapters[0]):
        pass
    with pytest.raises(AdapterError, match="another model"):
        encode(*other, LESSONS, encoding)


def test_what_cannot_be_trained_is_told(loaded: tuple[Any, Any], encoding: Encoding) -> None:
    from kedge.tools.adapters.training import encode

    with pytest.raises(InputError, match="nothing to learn"):
        encode(*loaded, [Lesson("text", [])], encoding)
    nowhere = encoding.model_copy(update={"recipe": RECIPE.model_copy(update={"targets": ("nowhere",)})})
    with pytest.raises(AdapterError, match="no layer called nowhere"):
        encode(*loaded, LESSONS, nowhere)
    wild = encoding.model_copy(update={"recipe": RECIPE.model_copy(update={"learning_rate": 1e30})})
    with pytest.raises(AdapterError, match="not finite"):
        encode(*loaded, LESSONS, wild)


def test_peft_reads_what_is_written(loaded: tuple[Any, Any], adapters: list[Adapter], tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from kedge.tools.adapters.training import injected, load_model

    folder = write_adapter(merge(adapters), tmp_path / "merged")
    with injected(loaded[0], merge(adapters)):
        ours = logits(loaded, "Where was Ada Moss born?")
    model, tokenizer = load_model(loaded[0].name_or_path)
    theirs = logits((peft.PeftModel.from_pretrained(model, folder), tokenizer), "Where was Ada Moss born?")
    assert ours.allclose(theirs, atol=1e-4)
