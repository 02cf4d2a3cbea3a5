"""The maker of tiny models; that a real server takes them is shown in `tests/tools/models/test_vllm.py`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from kedge.testing import make_tiny_model


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_arguments_make_the_same_files(tmp_path: Path) -> None:
    first, again = (contents(make_tiny_model(tmp_path / name)) for name in ("first", "again"))
    other = contents(make_tiny_model(tmp_path / "other", seed=1))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


@pytest.mark.parametrize(
    ("architecture", "extra"),
    [("qwen3", {"q_norm", "k_norm"}), ("llama", set())],
)
def test_the_weights_fit_the_config(tmp_path: Path, architecture: str, extra: set[str]) -> None:
    folder = make_tiny_model(tmp_path, architecture=architecture, layers=3, width=128)  # type: ignore[arg-type]
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    attention = {name.split(".")[4] for name in weights if ".self_attn." in name}
    assert attention == {"q_proj", "k_proj", "v_proj", "o_proj"} | extra
    assert {int(name.split(".")[2]) for name in weights if ".layers." in name} == {0, 1, 2}
    assert weights["model.embed_tokens.weight"].shape == (config["vocab_size"], 128)
    assert weights["model.layers.0.self_attn.k_proj.weight"].shape == (64, 128)
    assert {tensor.dtype for tensor in weights.values()} == {np.dtype(np.float32)}


def test_a_clip_has_a_tower_for_texts_and_one_for_images(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, architecture="clip", layers=1, width=128, context=32)
    config = json.loads((folder / "config.json").read_text())
    text, vision = config["text_config"], config["vision_config"]
    weights = load_file(folder / "model.safetensors")
    places = (vision["image_size"] // vision["patch_size"]) ** 2 + 1
    shapes = {name.rsplit(".", 2)[-2]: tensor.shape for name, tensor in weights.items() if tensor.ndim == 2}
    assert shapes["token_embedding"] == (text["vocab_size"], 128)
    assert weights["text_model.embeddings.position_embedding.weight"].shape == (32, 128)
    assert weights["vision_model.embeddings.position_embedding.weight"].shape == (places, 128)
    assert shapes["text_projection"] == shapes["visual_projection"] == (config["projection_dim"], 128)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode("Ahoy").ids
    assert (ids[0], ids[-1]) == (text["bos_token_id"], text["eos_token_id"])
    assert 0 not in (text["bos_token_id"], text["eos_token_id"], text["pad_token_id"])


def test_the_tokenizer_fits_the_config(tiny_model: Path) -> None:
    config = json.loads((tiny_model / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == config["vocab_size"] <= 512
    assert tokenizer.id_to_token(config["eos_token_id"]) == "<|im_end|>"
    # What parsers look for is one token, what the text repeats is less than its characters.
    assert len(tokenizer.encode("<think></think>").ids) == 2
    assert len(tokenizer.encode("The keeper of the lighthouse").ids) < 14


@given(st.text())
def test_the_tokenizer_takes_any_text(tiny_model: Path, text: str) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text
