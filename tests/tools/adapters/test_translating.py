"""DyPRAG's translator: learns from trained adapters, writes such in one pass, is saved with its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kedge.errors import AdapterError, InputError
from kedge.tools.adapters import Encoding, Lesson, Recipe, base_of, training_turns

pytestmark = [
    pytest.mark.usefixtures("torch_installed"),
    pytest.mark.filterwarnings("ignore"),  # torch's and transformers' own
]


def lesson(name: str, place: str) -> Lesson:
    text = f"{name} was born in {place}."
    return Lesson(text, training_turns(text, text, [(f"Where was {name} born?", place)]))


LESSONS = [lesson("Ada Moss", "Ely"), lesson("Otto Vane", "Greyport")]


@pytest.fixture(scope="module")
def made(torch_installed: None, tiny_model: Path) -> dict[str, Any]:
    """A model, its adapters, and a translator that has learnt them, with the losses on the way."""
    from kedge.tools.adapters.training import encode, load_model
    from kedge.tools.adapters.translating import TranslatorRecipe, train_translator

    model, tokenizer = load_model(str(tiny_model))
    recipe = Recipe(learning_rate=1e-2, epochs=3)
    encoding = Encoding(model=str(tiny_model), base=base_of(tiny_model), recipe=recipe)
    adapters = encode(model, tokenizer, LESSONS, encoding)
    losses: list[float] = []
    translator = train_translator(
        model,
        tokenizer,
        list(zip(LESSONS, adapters, strict=True)),
        encoding,
        TranslatorRecipe(learning_rate=3e-3, epochs=20),
        on_progress=lambda done, total, loss: losses.append(loss),
    )
    return {
        "model": (model, tokenizer),
        "encoding": encoding,
        "adapters": adapters,
        "translator": translator,
        "losses": losses,
    }


def test_the_loss_falls_and_the_model_stays_as_it_was(made: dict[str, Any]) -> None:
    assert len(made["losses"]) == 40
    assert np.mean(made["losses"][-4:]) < np.mean(made["losses"][:4])
    names = {type(module).__name__ for module in made["model"][0].modules()}
    assert "SideBySide" not in names


def test_a_translated_adapter_comes_near_the_trained_one(made: dict[str, Any]) -> None:
    from kedge.tools.adapters.translating import translate

    given = translate(*made["model"], made["translator"], [LESSONS[0].text])
    assert given.modules.keys() == made["adapters"][0].modules.keys()
    assert given.origin.key != made["adapters"][0].origin.key
    apart = nothing = 0.0  # squared distances of all factors, from the trained ones to these and to none
    for name, factors in given.modules.items():
        trained = made["adapters"][0].modules[name]
        apart += np.square(factors.down - trained.down).sum() + np.square(factors.up - trained.up).sum()
        nothing += np.square(trained.down).sum() + np.square(trained.up).sum()
    assert apart < 0.8 * nothing


def test_factors_of_several_passages_are_averaged(made: dict[str, Any]) -> None:
    from kedge.tools.adapters.translating import translate

    texts = [one.text for one in LESSONS]
    both = translate(*made["model"], made["translator"], texts)
    each = [translate(*made["model"], made["translator"], [text]) for text in texts]
    for name, factors in both.modules.items():
        assert np.allclose(factors.up, np.mean([one.modules[name].up for one in each], axis=0), atol=1e-6)
    with pytest.raises(InputError, match="no passages"):
        translate(*made["model"], made["translator"], [])


def test_it_is_saved_with_its_recipe(made: dict[str, Any], tmp_path: Path) -> None:
    from kedge.tools.adapters.translating import load_translator, save_translator, translate

    save_translator(made["translator"], tmp_path)
    again = load_translator(tmp_path, made["encoding"].base)
    assert again.record == made["translator"].record
    one, other = (translate(*made["model"], t, [LESSONS[0].text]) for t in (made["translator"], again))
    for name, factors in one.modules.items():
        assert np.array_equal(factors.delta, other.modules[name].delta)
    with pytest.raises(AdapterError, match="another model"):
        load_translator(tmp_path, "0" * 24)
    (tmp_path / "translator.safetensors").write_bytes(b"no")
    with pytest.raises(AdapterError, match="no translator can be read"):
        load_translator(tmp_path, made["encoding"].base)
    with pytest.raises(AdapterError, match="no translator can be read"):
        load_translator(tmp_path / "nowhere", made["encoding"].base)


def test_what_was_learnt_once_is_not_learnt_again(made: dict[str, Any], tmp_path: Path) -> None:
    from kedge.tools.adapters.translating import TranslatorRecipe, learnt_once, translate_each

    steps: list[int] = []

    def learn(count: int, rate: float) -> Any:
        pairs = list(zip(LESSONS, made["adapters"], strict=True))[:count]
        recipe = TranslatorRecipe(learning_rate=rate)
        say = lambda done, total, loss: steps.append(done)  # noqa: E731
        return learnt_once(tmp_path, *made["model"], pairs, made["encoding"], recipe, on_progress=say)

    first, again = learn(2, 1e-3), learn(2, 1e-3)
    assert steps == [1, 2]
    assert first.record == again.record
    learn(1, 1e-3)
    learn(2, 1e-4)
    assert steps == [1, 2, 1, 1, 2], "other passages and another recipe are learnt anew"
    encoding = first.record.translated
    adapters = translate_each(*made["model"], again, LESSONS, encoding)
    assert [one.origin.key for one in adapters] == [encoding.origin(one.text).key for one in LESSONS]
    assert encoding.translated("") == made["encoding"]


def test_adapters_of_other_passages_are_refused(made: dict[str, Any]) -> None:
    from kedge.tools.adapters.translating import train_translator

    swapped = list(zip(LESSONS, made["adapters"][::-1], strict=True))
    with pytest.raises(AdapterError, match="not that of its passage"):
        train_translator(*made["model"], swapped, made["encoding"])
    with pytest.raises(InputError, match="nothing to learn"):
        train_translator(*made["model"], [], made["encoding"])
