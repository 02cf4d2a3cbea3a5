"""A CLIP with random weights in the real vLLM: images and texts come back as vectors of one space."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kedge.testing import make_tiny_model
from kedge.tools.encoders.images import RemoteImageEncoder
from kedge.tools.models import VllmOptions, VllmServer
from tests.conftest import VLLM_PATIENCE


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, vllm_environment: Path) -> Iterator[VllmServer]:
    """A vLLM of its own, since a server serves one model."""
    folder = make_tiny_model(tmp_path_factory.mktemp("models") / "clip", architecture="clip", context=128)
    options = VllmOptions(
        str(folder),
        vllm=vllm_environment,
        context=128,
        batch=8,
        kv_gib=0.1,
        threads=1,
        dtype="float32",
        lora=None,
        flags=("--runner", "pooling"),
        cache=vllm_environment / "cache",
    )
    server = VllmServer(options, tmp_path_factory.mktemp("vllm") / "clip.log", patience=VLLM_PATIENCE)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


async def test_images_and_texts_become_vectors_of_one_space(served: VllmServer) -> None:
    encoder = RemoteImageEncoder(served.url, served.name)
    noise = Image.effect_noise((90, 60), 80).convert("RGB")
    colours = [Image.new("RGB", (90, 60), colour) for colour in ("red", "blue", "red")]
    red, blue, again, other = await encoder.encode([*colours, noise])
    assert np.linalg.norm(red) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(red, again, atol=1e-3)
    assert min(float(red @ blue), float(red @ other)) < 0.99
    texts = await encoder.encode_texts(["a red sheet", "a blue sheet", "a red sheet"])
    assert texts.shape == (3, len(red))
    np.testing.assert_allclose(texts[0], texts[2], atol=1e-3)
    assert float(texts[0] @ texts[1]) < 0.99
